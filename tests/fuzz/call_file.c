// SPDX-License-Identifier: MIT
/* What can be done to any fd, done to ours. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "call.h"
#include "grammar.h"
#include "mapping.h"
#include "object.h"
#include "worker.h"

#define DATA (192 * 1024)

static uint8_t data[DATA];

/* Memory to read to or write from: ours, a mapping's, or none. */
static void *draw_memory(size_t *length)
{
	unsigned int way = below(100);

	*length = percent(80) ? below(8192) : percent(80) ? below(DATA) : 0;
	if (way < 80)
		return data;
	if (way < 95)
		return mapping_part(mapping_used(), length);
	return (void *)(uintptr_t)below(8192);
}

static int draw_rwf(void)
{
	static const int flags[] = { 1, 2, 4, 8, 8, 8, 16, 32, 64, 128 };

	return percent(40) ? 0 : flags[below(sizeof(flags) / sizeof(flags[0]))];
}

static long check_moved(const struct object *object, bool write, long result, size_t length)
{
	if (result > (long)length)
		fail("%ld of %zu bytes moved", result, length);
	if (write && result > 0 && object->kind == KIND_MEMBER && object->readonly)
		fail("a viewer wrote %ld bytes", result);
	return result;
}

static long run_move(const struct call *call)
{
	bool write = call->data;
	struct object *object = object_pick(KIND_MEMBER);
	size_t length;
	void *memory = draw_memory(&length);
	off_t position = (off_t)grammar_position();
	struct iovec vector[2] = {
		{ memory, length / 2 },
		{ (uint8_t *)memory + length / 2, length - length / 2 },
	};
	int rwf = draw_rwf();
	long result;

	note(" %s %d length %zx at %llx", kind_name(object->kind), object->fd, length,
	     (unsigned long long)position);
	/* Members and what never blocks for long: no pipes here. */
	if (object->kind == KIND_SOURCE || object->kind == KIND_SINK || object->kind == KIND_VGEM)
		return CALL_NOTHING;
	switch (below(3)) {
	case 0:
		result = write ? pwrite(object->fd, memory, length, position) :
				 pread(object->fd, memory, length, position);
		break;
	case 1:
		note(" flags %x", rwf);
		result = write ? pwritev2(object->fd, vector, 2, position, rwf) :
				 preadv2(object->fd, vector, 2, position, rwf);
		break;
	default:
		result = write ? syscall(SYS_write, object->fd, memory, length) :
				 syscall(SYS_read, object->fd, memory, length);
	}
	return check_moved(object, write, call_result(result), length);
}

static long run_seek(const struct call *call)
{
	struct object *object = object_pick(percent(70) ? KIND_MEMBER : KIND_DMABUF);

	(void)call;
	note(" %s %d", kind_name(object->kind), object->fd);
	return call_result(lseek(object->fd, (off_t)grammar_position(), (int)below(6)));
}

static long run_poll(const struct call *call)
{
	struct pollfd polled[3];
	unsigned int i;

	(void)call;
	for (i = 0; i < 3; i++) {
		polled[i].fd = object_pick(percent(70) ? KIND_MEMBER : KIND_DMABUF)->fd;
		polled[i].events = (short)below(0x10000);
	}
	return call_result(poll(polled, 3, (int)below(3)));
}

static long run_epoll(const struct call *call)
{
	struct object *epoll = object_of(KIND_EPOLL);
	struct object *object = object_pick(percent(70) ? KIND_MEMBER : KIND_DMABUF);
	struct epoll_event event = { .events = grammar_u32() };
	int fd;

	(void)call;
	if (!epoll || percent(10)) {
		fd = epoll_create1(EPOLL_CLOEXEC);
		if (fd >= 0)
			object_add(fd, KIND_EPOLL);
		return call_result(fd);
	}
	if (percent(40))
		return call_result(epoll_wait(epoll->fd, &event, 1, (int)below(3)));
	return call_result(epoll_ctl(epoll->fd, 1 + (int)below(3), object->fd, &event));
}

/* Locks of files, leases and the like: what an anonymous file does with them. */
static long run_fcntl(const struct call *call)
{
	struct object *object = object_any();
	struct flock lock = { .l_type = (short)below(3) };

	(void)call;
	if (!object)
		return CALL_NOTHING;
	note(" %s %d", kind_name(object->kind), object->fd);
	switch (below(10)) {
	case 0:
	case 1:
		/* Members that do not block are another way to all they do. */
		return call_result(fcntl(object->fd, F_SETFL,
					 percent(50) ? O_NONBLOCK : 0));
	case 2:
		return call_result(fcntl(object->fd, F_SETFL, grammar_u32()));
	case 3:
		return call_result(fcntl(object->fd, F_GETFL));
	case 4:
		return call_result(fcntl(object->fd, F_SETLK, &lock));
	case 5:
		return call_result(fcntl(object->fd, F_OFD_SETLK, &lock));
	case 6:
		return call_result(fcntl(object->fd, F_SETLEASE, below(3)));
	case 7:
		return call_result(fcntl(object->fd, F_SETOWN, me.pid));
	case 8:
		return call_result(fcntl(object->fd, F_ADD_SEALS, below(32)));
	default:
		return call_result(fcntl(object->fd, F_SETPIPE_SZ, below(1 << 20)));
	}
}

static long run_odd(const struct call *call)
{
	struct object *object = object_pick(percent(50) ? KIND_MEMBER : KIND_DMABUF);
	struct stat stat;

	(void)call;
	note(" %s %d", kind_name(object->kind), object->fd);
	switch (below(8)) {
	case 0:
		return call_result(ftruncate(object->fd, (off_t)grammar_position()));
	case 1:
		return call_result(fallocate(object->fd, (int)below(64), 0, 4096));
	case 2:
		return call_result(fsync(object->fd));
	case 3:
		return call_result(fstat(object->fd, &stat));
	case 4:
		return call_result(posix_fadvise(object->fd, 0, 4096, (int)below(8)) ? -1 : 0);
	case 5:
		return call_result(readahead(object->fd, 0, 4096));
	case 6:
		return call_result(copy_file_range(object->fd, NULL,
						   object_pick(KIND_MEMBER)->fd, NULL, 4096, 0));
	default:
		return call_result(sync_file_range(object->fd, 0, 4096, (unsigned int)below(8)));
	}
}

static long run_dup(const struct call *call)
{
	struct object *object = object_any(), *copy, old;
	int fd;

	(void)call;
	/* A test module is called through one fd at a time. */
	if (!object || object->kind == KIND_IMPORTER || object->kind == KIND_TESTER)
		return CALL_NOTHING;
	old = *object;
	fd = fcntl(object->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	copy = object_add(fd, old.kind);
	copy->readonly = old.readonly;
	copy->view = old.view;
	copy->owner = old.owner;
	return 0;
}

static long run_close(const struct call *call)
{
	struct object *object = object_any();

	(void)call;
	if (!object)
		return CALL_NOTHING;
	note(" %s %d", kind_name(object->kind), object->fd);
	return call_result(object_close(object));
}

/* By its name in /proc, which makes another open file of those that can be. */
static long run_reopen(const struct call *call)
{
	struct object *object = object_pick(percent(50) ? KIND_MEMBER : KIND_DMABUF);
	char path[64];
	int fd;

	(void)call;
	if (object->kind == KIND_SOURCE || object->kind == KIND_SINK || object->kind == KIND_NONE)
		return CALL_NOTHING;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", object->fd);
	fd = open(path, (percent(50) ? O_RDWR : (int)below(4)) | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (object->kind == KIND_MEMBER || object->kind == KIND_DMABUF)
		fail("a %s was opened anew", kind_name(object->kind));
	return call_result(close(fd));
}

#define MOVING	EBADF, EAGAIN, EINTR, EOWNERDEAD, EUSERS, ENOMEM, EFAULT, EINVAL, EOPNOTSUPP, ESPIPE, EISDIR

const struct call file_calls[] = {
	{ "read", 60, CALL_BLOCKS, ERRNO_LIST(MOVING), run_move, NULL },
	{ "write", 50, CALL_BLOCKS, ERRNO_LIST(MOVING, EPROTO, ENOSPC, EPERM, EFBIG), run_move, data },
	{ "lseek", 10, 0, ERRNO_LIST(EBADF, EINVAL, ESPIPE, ENXIO, EOVERFLOW), run_seek, NULL },
	{ "poll", 20, 0, ERRNO_LIST(EINTR), run_poll, NULL },
	{ "epoll", 25, 0, ERRNO_LIST(EINTR, EBADF, EPERM, EEXIST, ENOENT, EINVAL, EMFILE, ENFILE, ELOOP,
				     ENOMEM), run_epoll, NULL },
	{ "fcntl", 20, 0, NULL, run_fcntl, NULL },
	{ "ftruncate and the like", 15, 0, NULL, run_odd, NULL },
	{ "dup", 12, 0, ERRNO_LIST(EMFILE), run_dup, NULL },
	{ "close", 45, 0, ERRNO_LIST(EINTR), run_close, NULL },
	{ "open anew", 8, CALL_RARE, NULL, run_reopen, NULL },
	{ 0 },
};
