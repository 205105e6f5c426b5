/* SPDX-License-Identifier: MIT */
/* The UAPI as tests call it: the bare ioctls, and what most tests begin with. */
#ifndef TESTS_UAPI_H
#define TESTS_UAPI_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/dma-buf.h>
#include <linux/dmashm.h>

#include "kernel/dmashm_importer.h"
#include "kernel/dmashm_tester.h"
#include "ktap.h"

#define MIB ((size_t)1 << 20)

static inline size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t in_ms(unsigned int ms)
{
	return now_ns() + ms * 1000000ull;
}

static inline void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static inline int open_device(void)
{
	int fd = open(DMASHM_DEVICE, O_RDWR | O_CLOEXEC);

	ASSERT(fd >= 0);
	return fd;
}

/* A dma-buf of a new buffer. */
static inline int create(size_t size)
{
	struct dmashm_create arg = { .size = size, .fd = -1, .name = "test" };
	int device = open_device();

	ASSERT(ioctl(device, DMASHM_IOC_CREATE, &arg) == 0);
	close(device);
	return arg.fd;
}

/* Another dma-buf over the same buffer, O_RDONLY or O_RDWR; -1 and errno. */
static inline int export_dmabuf(int dmabuf, uint32_t flags)
{
	struct dmashm_export arg = {
		.dmabuf_fd = dmabuf, .flags = flags, .fd = -1,
	};
	int device = open_device(), ret;

	ret = ioctl(device, DMASHM_IOC_EXPORT, &arg);
	close(device);
	return ret ? -1 : arg.fd;
}

static inline int export_view(int dmabuf)
{
	int view = export_dmabuf(dmabuf, O_RDONLY);

	ASSERT(view >= 0);
	return view;
}

/* A member of the buffer behind a dma-buf; its id in *id. */
static inline int join_id(int dmabuf, uint32_t *id)
{
	struct dmashm_join arg = { .dmabuf_fd = dmabuf, .fd = -1 };
	int device = open_device();

	ASSERT_EQ(ioctl(device, DMASHM_IOC_JOIN, &arg), 0);
	close(device);
	if (id)
		*id = arg.id;
	return arg.fd;
}

static inline int join(int dmabuf)
{
	return join_id(dmabuf, NULL);
}

/* Which slot a member has, by what /proc says. */
static inline uint32_t slot_of(int member)
{
	char path[64], line[256];
	uint32_t slot;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", member);
	file = fopen(path, "r");
	ASSERT(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "dmashm-slot: %u", &slot) == 1) {
			fclose(file);
			return slot;
		}
	}
	FAIL("no slot in %s", path);
}

/* Another member of the same buffer, as a child or a receiver joins. */
static inline int join_by(int member, uint32_t *id)
{
	struct dmashm_join arg = { .dmabuf_fd = -1, .fd = -1 };

	ASSERT_EQ(ioctl(member, DMASHM_IOC_JOIN, &arg), 0);
	if (id)
		*id = arg.id;
	return arg.fd;
}

static inline uint8_t *map_data(int dmabuf, size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			  dmabuf, 0);

	ASSERT(data != MAP_FAILED);
	return data;
}

static inline uint32_t *map_words(int member)
{
	void *words = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			   MAP_SHARED, member, (off_t)page_size());

	ASSERT(words != MAP_FAILED);
	return words;
}

static inline const struct dmashm_facts *map_facts(int member)
{
	void *facts = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, member, 0);

	ASSERT(facts != MAP_FAILED);
	return facts;
}

static inline uint32_t load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline int lock_until(int member, uint64_t deadline)
{
	struct dmashm_lock arg = { .deadline = deadline };

	return ioctl(member, DMASHM_IOC_LOCK, &arg);
}

static inline int try_lock(int member)
{
	struct dmashm_lock arg = { .flags = DMASHM_LOCK_TRY };

	return ioctl(member, DMASHM_IOC_LOCK, &arg);
}

static inline int unlock(int member)
{
	struct dmashm_unlock arg = { 0 };

	return ioctl(member, DMASHM_IOC_UNLOCK, &arg);
}

static inline int lock_shared_until(int member, uint64_t deadline)
{
	struct dmashm_lock arg = {
		.deadline = deadline, .flags = DMASHM_LOCK_SHARED,
	};

	return ioctl(member, DMASHM_IOC_LOCK, &arg);
}

static inline int try_lock_shared(int member)
{
	struct dmashm_lock arg = {
		.flags = DMASHM_LOCK_TRY | DMASHM_LOCK_SHARED,
	};

	return ioctl(member, DMASHM_IOC_LOCK, &arg);
}

static inline int unlock_shared(int member)
{
	struct dmashm_unlock arg = { .flags = DMASHM_UNLOCK_SHARED };

	return ioctl(member, DMASHM_IOC_UNLOCK, &arg);
}

static inline int recover(int member)
{
	struct dmashm_unlock arg = { 0 };

	return ioctl(member, DMASHM_IOC_RECOVER, &arg);
}

static inline int wait_word(int member, uint32_t offset, uint32_t expected,
			    uint64_t deadline)
{
	struct dmashm_wait arg = {
		.offset = offset, .expected = expected, .deadline = deadline,
	};

	return ioctl(member, DMASHM_IOC_WAIT, &arg);
}

/* How many were woken, or -1. */
static inline int wake_word(int member, uint32_t offset, uint32_t count)
{
	struct dmashm_wake arg = {
		.offset = offset, .count = count, .woken = 0xdeadbeef,
	};

	return ioctl(member, DMASHM_IOC_WAKE, &arg) ? -1 : (int)arg.woken;
}

static inline int sync_data(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync arg = { .flags = flags };

	return ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &arg);
}

static inline void members_are(int member, uint32_t expected)
{
	struct dmashm_info info = { .dmabuf_fd = -1 };

	ASSERT_EQ(ioctl(member, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.members, expected);
}

/* A child that sends us SIGUSR1 every few ms, so that one comes in time. */
static inline pid_t start_signaller(void)
{
	pid_t parent = getpid(), pid = start_child();

	if (!pid) {
		for (;;) {
			sleep_ms(20);
			kill(parent, SIGUSR1);
		}
	}
	return pid;
}

/* Load a module of ours or of the kernel; false if there is none. */
static inline bool load_module(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "test -e /sys/module/%s || modprobe -q %s ||"
		 " insmod \"$DMASHM_MODULES/%s.ko\"", name, name, name);
	return system(command) == 0;
}

/* The in-kernel API, on a buffer. */
static inline int open_tester(int dmabuf)
{
	struct tester_open arg = { .dmabuf_fd = dmabuf };
	int fd;

	if (!load_module("dmashm_tester"))
		FAIL("dmashm_tester.ko does not load");
	fd = open(TESTER_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT(fd >= 0);
	ASSERT_EQ(ioctl(fd, TESTER_IOC_OPEN, &arg), 0);
	return fd;
}

/* An importer of any dma-buf, attached to this one. */
static inline int open_importer(int dmabuf)
{
	int fd;

	if (!load_module("dmashm_importer"))
		FAIL("dmashm_importer.ko does not load");
	fd = open(IMPORTER_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT(fd >= 0);
	ASSERT_EQ(ioctl(fd, IMPORTER_IOC_OPEN, &dmabuf), 0);
	return fd;
}

/* Map for the device in a direction, and unmap; -1 and errno. */
static inline int map_for_device(int importer, uint32_t direction)
{
	if (ioctl(importer, IMPORTER_IOC_MAP, &direction))
		return -1;
	return ioctl(importer, IMPORTER_IOC_UNMAP);
}

/* A message of one byte with room for two fds, as a buffer travels. */
struct fd_message {
	char byte;
	char control[CMSG_SPACE(2 * sizeof(int))];
	struct iovec iov;
	struct msghdr header;
};

static inline struct msghdr *fd_message(struct fd_message *message)
{
	memset(message, 0, sizeof(*message));
	message->iov = (struct iovec){ &message->byte, 1 };
	message->header.msg_iov = &message->iov;
	message->header.msg_iovlen = 1;
	message->header.msg_control = message->control;
	message->header.msg_controllen = sizeof(message->control);
	return &message->header;
}

static inline void send_fds(int socket, int a, int b)
{
	struct fd_message message;
	struct msghdr *header = fd_message(&message);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
	int fds[2] = { a, b };

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	ASSERT_EQ(sendmsg(socket, header, 0), 1);
}

static inline void receive_fds(int socket, int *a, int *b)
{
	struct fd_message message;
	struct msghdr *header = fd_message(&message);
	int fds[2];

	ASSERT_EQ(recvmsg(socket, header, MSG_CMSG_CLOEXEC), 1);
	ASSERT(CMSG_FIRSTHDR(header));
	ASSERT_EQ(CMSG_FIRSTHDR(header)->cmsg_len, CMSG_LEN(sizeof(fds)));
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(header)), sizeof(fds));
	*a = fds[0];
	*b = fds[1];
}

#endif /* TESTS_UAPI_H */
