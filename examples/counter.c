// SPDX-License-Identifier: MIT
/*
 * Two processes add to one counter in a buffer; the counter itself is an
 * ordinary variable, so what the lock is worth shows in the sum.
 *
 *   ./counter barrier [N]   dmashm_lock(): compare-and-exchange in user space
 *   ./counter ioctl [N]     DMASHM_IOC_LOCK: the kernel takes the barrier
 *   ./counter none [N]      no lock: increments get lost
 *
 * N is how often each process adds one, 100000 if not given. Prints
 *
 *   barrier: 2 x 100000 increments, expected 200000, found 200000
 *
 * and exits with 0 if the sum is right. Without a lock it says how many were
 * lost, and exits with 0 unless there are more than were made.
 *
 * No device is attached here, so the lock alone will do; for a buffer that
 * devices use too, dmashm_begin() and dmashm_end() take its place.
 */
#include <dmashm.h>
#include <err.h>
#include <inttypes.h>
#include <linux/dmashm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES	2

/* Event words: how many are here, how many stand at the line. */
enum { PRESENT, READY };

struct mode {
	const char *name;
	int (*lock)(struct dmashm_buffer *buf);
	int (*unlock)(struct dmashm_buffer *buf);
};

static int ioctl_lock(struct dmashm_buffer *buf)
{
	struct dmashm_lock lock = { .deadline = DMASHM_NEVER };

	return ioctl(dmashm_member_fd(buf), DMASHM_IOC_LOCK, &lock);
}

static int ioctl_unlock(struct dmashm_buffer *buf)
{
	struct dmashm_unlock unlock = { .flags = 0 };

	return ioctl(dmashm_member_fd(buf), DMASHM_IOC_UNLOCK, &unlock);
}

static int no_lock(struct dmashm_buffer *buf)
{
	(void)buf;
	return 0;
}

static const struct mode modes[] = {
	{ "barrier", dmashm_lock, dmashm_unlock },
	{ "ioctl", ioctl_lock, ioctl_unlock },
	{ "none", no_lock, no_lock },
};

static const struct mode *find_mode(const char *name)
{
	size_t n;

	for (n = 0; n < sizeof(modes) / sizeof(modes[0]); n++)
		if (name && !strcmp(name, modes[n].name))
			return &modes[n];
	errx(2, "usage: counter barrier|ioctl|none [N]");
}

static uint32_t *event(struct dmashm_buffer *buf, unsigned int n)
{
	uint32_t *word = dmashm_event(buf, n);

	/* In a child of fork() this is where it joins. */
	if (!word)
		errx(1, "this process could not join");
	return word;
}

/*
 * All begin at the same time: first they sleep until all are here, then they
 * spin for a moment, for a wake-up can take longer than all the counting.
 */
static void meet(struct dmashm_buffer *buf)
{
	uint32_t *present = event(buf, PRESENT), *ready = event(buf, READY);
	uint64_t deadline = dmashm_deadline(10000000000ull);
	uint32_t seen;

	__atomic_add_fetch(present, 1, __ATOMIC_ACQ_REL);
	dmashm_wake(buf, PRESENT, UINT32_MAX);
	while ((seen = __atomic_load_n(present, __ATOMIC_ACQUIRE)) < PROCESSES)
		if (dmashm_wait(buf, PRESENT, seen, deadline))
			errx(1, "the other process did not start");

	__atomic_add_fetch(ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(ready, __ATOMIC_ACQUIRE) < PROCESSES)
		if (dmashm_deadline(0) > deadline)
			errx(1, "the other process is gone");
}

static void add(struct dmashm_buffer *buf, const struct mode *mode,
		volatile uint64_t *counter, uint64_t n)
{
	meet(buf);
	while (n--) {
		if (mode->lock(buf))
			errx(1, "%s: the lock could not be taken", mode->name);
		*counter = *counter + 1;
		if (mode->unlock(buf))
			errx(1, "%s: the lock could not be given back", mode->name);
	}
}

static int judge(const struct mode *mode, uint64_t expected, uint64_t found)
{
	if (mode->lock != no_lock)
		return found != expected;
	if (found > expected)
		return 1;
	if (found == expected)
		puts("none: nothing was lost this time, by luck alone");
	else
		printf("none: %" PRIu64 " increments were lost, for want of a lock\n",
		       expected - found);
	return 0;
}

int main(int argc, char **argv)
{
	const struct mode *mode = find_mode(argc > 1 ? argv[1] : NULL);
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 0) : 100000;
	struct dmashm_buffer *buf;
	void *counter;
	uint64_t found;
	int ret, status;
	pid_t child;

	ret = dmashm_create(sizeof(uint64_t), "counter", 0, &buf);
	if (ret)
		errx(1, "no buffer could be made: %s", strerror(-ret));
	ret = dmashm_map(buf, PROT_READ | PROT_WRITE, &counter);
	if (ret)
		errx(1, "the buffer could not be mapped: %s", strerror(-ret));

	child = fork();
	if (child < 0)
		err(1, "fork");
	add(buf, mode, counter, n);
	if (!child)
		return 0;
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "the other process failed");

	found = *(volatile uint64_t *)counter;
	printf("%s: %d x %" PRIu64 " increments, expected %" PRIu64 ", found %" PRIu64 "\n",
	       mode->name, PROCESSES, n, PROCESSES * n, found);
	dmashm_close(buf);
	return judge(mode, PROCESSES * n, found);
}
