// SPDX-License-Identifier: MIT
/*
 * What making a buffer and closing it costs, in ticks of the time stamp
 * counter; in a guest started with --deterministic these are instructions.
 *
 * usage: create [fragmented [ROUNDS]]
 */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include <linux/dmashm.h>

#include "../tests/kernel/dmashm_fragmenter.h"

#define KIB	(1ul << 10)
#define MIB	(1ul << 20)

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	must(fd >= 0 && write(fd, value, strlen(value)) > 0, path);
	close(fd);
}

static void set_max_order(const char *value)
{
	set("/sys/module/dmashm/parameters/max_order", value);
}

static void fragment(void)
{
	struct dmashm_create arg = { .size = 128 * MIB };
	uint64_t kept = 0;
	int fd;

	must(!system("insmod $DMASHM_MODULES/dmashm_fragmenter.ko"), "insmod");
	fd = open(FRAGMENTER_DEVICE, O_RDWR);
	set("/proc/sys/vm/min_free_kbytes", "1024");
	must(fd >= 0 && !ioctl(fd, FRAGMENTER_IOC_TAKE, &kept), "fragmenter");
	printf("%llu pages are held\n", (unsigned long long)kept);
	/* What larger blocks were left, nobody can use either. */
	must(!ioctl(open(DMASHM_DEVICE, O_RDWR), DMASHM_IOC_CREATE, &arg),
	     "create");
}

/* The same by pages of a process, which can be moved. */
static void fragment_movable(void)
{
	size_t size = 700 * MIB, i;
	char *area = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(area != MAP_FAILED, "mmap");
	must(!madvise(area, size, MADV_NOHUGEPAGE), "madvise");
	for (i = 0; i < size; i += 4 * KIB)
		area[i] = 1;
	for (i = 0; i < size; i += 8 * KIB)
		must(!madvise(area + i, 4 * KIB, MADV_DONTNEED), "madvise");
	/* The rest, that was free all the time. */
	must(!ioctl(open(DMASHM_DEVICE, O_RDWR), DMASHM_IOC_CREATE,
		    &(struct dmashm_create){ .size = 160 * MIB }), "create");
}

static void measure(int device, const char *order, size_t size, int rounds)
{
	int round;

	set_max_order(order);
	for (round = 0; round < rounds; round++) {
		struct dmashm_create arg = { .size = size };
		uint64_t start = __rdtsc(), made;

		must(!ioctl(device, DMASHM_IOC_CREATE, &arg), "create");
		made = __rdtsc() - start;
		start = __rdtsc();
		close(arg.fd);
		start = __rdtsc() - start;
		if (rounds > 2 || round)	/* the first warms up */
			printf("%8zu KiB, max_order %s: create %10llu, close %9llu\n",
			       size / KIB, order, (unsigned long long)made,
			       (unsigned long long)start);
	}
	set_max_order("9");
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 4 * KIB, 64 * KIB, 2 * MIB, 64 * MIB };
	int device = open(DMASHM_DEVICE, O_RDWR), rounds = 2;
	struct sched_param priority = { .sched_priority = 50 };
	size_t i;

	must(device >= 0, DMASHM_DEVICE);
	/* Nobody else's instructions. */
	must(!sched_setscheduler(0, SCHED_FIFO, &priority), "SCHED_FIFO");
	if (argc > 1 && !strcmp(argv[1], "fragmented"))
		fragment();
	if (argc > 1 && !strcmp(argv[1], "movable"))
		fragment_movable();
	if (argc > 2)
		rounds = atoi(argv[2]);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		measure(device, "9", sizes[i], rounds);
		measure(device, "4", sizes[i], rounds);
		measure(device, "0", sizes[i], rounds);
	}
	return 0;
}
