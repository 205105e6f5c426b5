// SPDX-License-Identifier: MIT
/*
 * The kernel's interface without the library: what a binding for another
 * language has to do. Needs <linux/dmashm.h> and <linux/dma-buf.h> only.
 *
 * One process creates a buffer, joins, and holds the barrier while it sends
 * the dma-buf and its member fd over a socket. The other joins through that
 * member fd (it could do so without any right on the device), finds the
 * barrier held and sleeps in WAIT until the first one's WAKE. Then both add to
 * a counter in the buffer, each time under the barrier and inside
 * DMA_BUF_IOCTL_SYNC.
 *
 * Run: ./raw_uapi
 *
 *   member 1 holds the barrier and sends the buffer
 *   member 2 found it held, slept and was woken
 *   2 x 1000 increments: found 2000
 *
 * Exits with 0 if the second process slept at least once and the sum is right.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dmashm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TURNS		1000
#define PATIENCE	(10 * 1000000000ull)	/* ns */

enum { DMABUF, MEMBER, FDS };

/* One process's part in the buffer. */
struct part {
	int fds[FDS];
	uint32_t held;			/* the word while this member holds it */
	uint32_t *words;		/* page of words; the barrier is the first */
	volatile uint64_t *counter;	/* the buffer's data */
	unsigned int slept;
};

static uint64_t deadline(uint64_t ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec + ns;
}

static void call(int fd, unsigned long command, void *argument, const char *name)
{
	while (ioctl(fd, command, argument))
		if (errno != EINTR && errno != EAGAIN)
			err(1, "%s", name);
}

static void *map(int fd, size_t size, int prot, off_t offset)
{
	void *address = mmap(NULL, size, prot, MAP_SHARED, fd, offset);

	if (address == MAP_FAILED)
		err(1, "mmap");
	return address;
}

/* Join through @fd, the device or somebody's member, and map all there is. */
static void join(struct part *part, int fd)
{
	struct dmashm_join arg = { .dmabuf_fd = part->fds[DMABUF] };
	long page = sysconf(_SC_PAGESIZE);
	const struct dmashm_facts *facts;

	call(fd, DMASHM_IOC_JOIN, &arg, "JOIN");
	part->fds[MEMBER] = arg.fd;
	part->held = DMASHM_HELD(arg.id);

	facts = map(arg.fd, page, PROT_READ, 0);
	if (facts->magic != DMASHM_MAGIC || facts->abi != DMASHM_ABI)
		errx(1, "the module speaks another ABI");
	part->words = map(arg.fd, page, PROT_READ | PROT_WRITE, page);
	part->counter = map(part->fds[DMABUF], facts->size,
			    PROT_READ | PROT_WRITE, 0);
}

/* Where nobody else is: by one instruction. Else the kernel has us sleep. */
static void lock(struct part *part)
{
	struct dmashm_lock arg = { .deadline = deadline(PATIENCE) };
	uint32_t free = 0;

	if (__atomic_compare_exchange_n(part->words, &free, part->held, 0,
					__ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
		/* Nobody in this program takes it shared, so nobody is in. */
		return;
	}
	part->slept++;
	while (ioctl(part->fds[MEMBER], DMASHM_IOC_LOCK, &arg)) {
		if (errno == EOWNERDEAD)
			errx(1, "the other process died while it held the barrier");
		if (errno != EINTR)
			err(1, "LOCK");
	}
}

/* The same: the kernel wakes whoever sleeps. */
static void unlock(struct part *part)
{
	struct dmashm_unlock arg = { 0 };
	uint32_t held = part->held;

	if (!__atomic_compare_exchange_n(part->words, &held, 0, 0,
					 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		call(part->fds[MEMBER], DMASHM_IOC_UNLOCK, &arg, "UNLOCK");
}

static void sync_cpu(struct part *part, uint64_t when)
{
	struct dma_buf_sync arg = { .flags = when | DMA_BUF_SYNC_RW };

	call(part->fds[DMABUF], DMA_BUF_IOCTL_SYNC, &arg, "DMA_BUF_IOCTL_SYNC");
}

/* To be called with the barrier held, which it gives back. */
static void add_one(struct part *part)
{
	sync_cpu(part, DMA_BUF_SYNC_START);
	*part->counter = *part->counter + 1;
	sync_cpu(part, DMA_BUF_SYNC_END);
	unlock(part);
}

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(FDS * sizeof(int))];
};

/* Send or receive: one byte, and with it the two fds. */
static struct msghdr message(union control *control, struct iovec *iov)
{
	static char byte;

	memset(control, 0, sizeof(*control));
	*iov = (struct iovec){ .iov_base = &byte, .iov_len = 1 };
	return (struct msghdr){
		.msg_iov = iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(*control),
	};
}

static void send_fds(int socket, const int fds[FDS])
{
	union control control;
	struct iovec iov;
	struct msghdr msg = message(&control, &iov);

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(FDS * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, FDS * sizeof(int));
	if (sendmsg(socket, &msg, MSG_NOSIGNAL) != 1)
		err(1, "sendmsg");
}

static void receive_fds(int socket, int fds[FDS])
{
	union control control;
	struct iovec iov;
	struct msghdr msg = message(&control, &iov);

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1)
		errx(1, "no message came");
	if (msg.msg_flags & MSG_CTRUNC ||
	    control.header.cmsg_type != SCM_RIGHTS ||
	    control.header.cmsg_len != CMSG_LEN(FDS * sizeof(int)))
		errx(1, "the message is not two fds");
	memcpy(fds, CMSG_DATA(&control.header), FDS * sizeof(int));
}

static int second(int socket)
{
	struct part part = { .slept = 0 };
	int n, theirs;

	receive_fds(socket, part.fds);
	theirs = part.fds[MEMBER];
	join(&part, theirs);
	close(theirs);
	for (n = 0; n < TURNS; n++) {
		lock(&part);
		add_one(&part);
		if (!part.slept)
			errx(1, "the barrier was held, but nobody slept");
		if (!n)
			printf("member %u found it held, slept and was woken\n",
			       part.held >> DMASHM_ID_SHIFT);
	}
	return fflush(stdout) != 0;
}

static void create(struct part *part)
{
	struct dmashm_create arg = { .size = sizeof(uint64_t), .name = "raw_uapi" };
	int device = open(DMASHM_DEVICE, O_RDWR | O_CLOEXEC);

	if (device < 0)
		err(1, DMASHM_DEVICE);
	call(device, DMASHM_IOC_CREATE, &arg, "CREATE");
	part->fds[DMABUF] = arg.fd;
	join(part, device);
	close(device);
}

/* Until the second process says in the word that it sleeps, and really does. */
static void hold_until_wanted(const struct part *part)
{
	const struct timespec moment = { .tv_nsec = 50000000 };
	uint64_t end = deadline(PATIENCE);

	while (!(__atomic_load_n(part->words, __ATOMIC_RELAXED) & DMASHM_WAITERS)) {
		if (deadline(0) > end)
			errx(1, "the second process did not ask for the barrier");
		nanosleep(&moment, NULL);
	}
	nanosleep(&moment, NULL);
}

int main(void)
{
	struct part part = { .slept = 0 };
	int n, status, sockets[2];
	uint64_t found;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		err(1, "socketpair");
	if (!fork()) {
		close(sockets[0]);
		return second(sockets[1]);
	}
	close(sockets[1]);

	create(&part);
	lock(&part);
	printf("member %u holds the barrier and sends the buffer\n",
	       part.held >> DMASHM_ID_SHIFT);
	fflush(stdout);
	send_fds(sockets[0], part.fds);
	hold_until_wanted(&part);
	add_one(&part);
	for (n = 1; n < TURNS; n++) {
		lock(&part);
		add_one(&part);
	}
	if (wait(&status) < 0 || status)
		errx(1, "the second process failed");
	found = *part.counter;
	printf("2 x %d increments: found %llu\n", TURNS, (unsigned long long)found);
	return found != 2 * TURNS;
}
