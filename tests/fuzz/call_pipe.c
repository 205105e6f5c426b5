// SPDX-License-Identifier: MIT
/* Pipes with our data in them: splice, sendfile, vmsplice, tee. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "call.h"
#include "grammar.h"
#include "mapping.h"
#include "object.h"
#include "worker.h"

static long run_make(const struct call *call)
{
	int end[2];

	(void)call;
	if (pipe2(end, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	object_add(end[0], KIND_SOURCE);
	object_add(end[1], KIND_SINK);
	return 0;
}

static size_t draw_length(void)
{
	return percent(90) ? below(1 << 17) : grammar_u64();
}

static long run_splice(const struct call *call)
{
	struct object *from = object_pick(percent(50) ? KIND_MEMBER : KIND_SOURCE);
	struct object *to = object_pick(from->kind == KIND_SOURCE ? KIND_MEMBER : KIND_SINK);
	off_t position = (off_t)grammar_position();
	bool seek = percent(30), out = from->kind == KIND_SOURCE;
	unsigned int flags = percent(70) ? SPLICE_F_NONBLOCK : (unsigned int)below(16);
	long result;

	(void)call;
	note(" %s %d to %s %d flags %x", kind_name(from->kind), from->fd,
	     kind_name(to->kind), to->fd, flags);
	result = call_result(splice(from->fd, seek && !out ? &position : NULL,
				    to->fd, seek && out ? &position : NULL, draw_length(), flags));
	if (result > 0 && to->kind == KIND_MEMBER && to->readonly)
		fail("a viewer was spliced to");
	return result;
}

static long run_sendfile(const struct call *call)
{
	struct object *from = object_pick(KIND_MEMBER);
	struct object *to = object_pick(percent(70) ? KIND_SINK : KIND_MEMBER);
	off_t position = (off_t)grammar_position();
	long result;

	(void)call;
	note(" %s %d to %s %d", kind_name(from->kind), from->fd, kind_name(to->kind), to->fd);
	result = call_result(sendfile(to->fd, from->fd, percent(50) ? &position : NULL,
				      below(1 << 17)));
	if (result > 0 && to->kind == KIND_MEMBER && to->readonly)
		fail("a viewer was sent to");
	return result;
}

/* The pages themselves: they stay in the pipe when all else is gone. */
static long run_vmsplice(const struct call *call)
{
	struct object *pipe = object_pick(KIND_SINK);
	struct mapping *place = mapping_of(CONTENT_DATA);
	struct iovec vector;
	size_t length;

	(void)call;
	if (!place)
		return CALL_NOTHING;
	vector.iov_base = mapping_part(place, &length);
	vector.iov_len = length;
	note(" %s %d length %zx", kind_name(pipe->kind), pipe->fd, length);
	return call_result(vmsplice(pipe->fd, &vector, 1, SPLICE_F_NONBLOCK | below(16)));
}

static long run_tee(const struct call *call)
{
	struct object *from = object_pick(KIND_SOURCE), *to = object_pick(KIND_SINK);

	(void)call;
	return call_result(tee(from->fd, to->fd, below(1 << 17), SPLICE_F_NONBLOCK));
}

static long run_drain(const struct call *call)
{
	struct object *pipe = object_of(KIND_SOURCE);
	static char data[65536];

	(void)call;
	if (!pipe)
		return CALL_NOTHING;
	return call_result(read(pipe->fd, data, sizeof(data)));
}

#define MOVING	EBADF, EAGAIN, EINTR, EINVAL, ENOMEM, EFAULT, ESPIPE, EPIPE, EOPNOTSUPP

const struct call pipe_calls[] = {
	{ "pipe", 12, 0, ERRNO_LIST(EMFILE, ENFILE), run_make, NULL },
	{ "splice", 30, CALL_BLOCKS, ERRNO_LIST(MOVING, EOWNERDEAD, EUSERS, EPROTO, ENOSPC, EPERM, EFBIG,
						EOVERFLOW), run_splice, NULL },
	{ "sendfile", 15, CALL_BLOCKS, ERRNO_LIST(MOVING, EOWNERDEAD, EUSERS, EPROTO, ENOSPC, EPERM, EFBIG,
						  EOVERFLOW), run_sendfile, NULL },
	{ "vmsplice", 15, CALL_BLOCKS, ERRNO_LIST(MOVING), run_vmsplice, NULL },
	{ "tee", 6, CALL_BLOCKS, ERRNO_LIST(MOVING), run_tee, NULL },
	{ "read a pipe", 15, CALL_BLOCKS, ERRNO_LIST(EAGAIN, EBADF, EINTR), run_drain, NULL },
	{ 0 },
};
