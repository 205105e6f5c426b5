// SPDX-License-Identifier: MIT
/* io_uring on our fds and in our memory; a ring lives for one call. */
#include <liburing.h>
#include <string.h>

#include "call.h"
#include "grammar.h"
#include "mapping.h"
#include "object.h"
#include "worker.h"

static uint8_t data[65536];

static void prepare(struct io_uring_sqe *sqe)
{
	struct object *object = object_pick(percent(70) ? KIND_MEMBER : KIND_DMABUF);
	struct mapping *place = mapping_used();
	size_t length = below(sizeof(data));
	void *memory = data;
	off_t position = (off_t)grammar_position();

	if (percent(30))
		memory = mapping_part(place, &length);
	note(" %s %d", kind_name(object->kind), object->fd);
	switch (below(4)) {
	case 0:
	case 1:
		io_uring_prep_read(sqe, object->fd, memory, (unsigned int)length, (__u64)position);
		break;
	case 2:
		io_uring_prep_write(sqe, object->fd, memory, (unsigned int)length, (__u64)position);
		break;
	default:
		io_uring_prep_poll_add(sqe, object->fd, (unsigned int)below(0x10000));
	}
	if (percent(20))
		io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
}

/* Pages are held as long as the ring is there, whatever becomes of the mapping. */
static void hold(struct io_uring *ring)
{
	struct mapping *place = mapping_of(CONTENT_DATA);
	struct iovec vector;
	size_t length;

	if (!place)
		return;
	vector.iov_base = mapping_part(place, &length);
	vector.iov_len = length;
	io_uring_register_buffers(ring, &vector, 1);
	if (percent(50))
		mapping_forget(place);
}

/* What is not done when the ring goes is cancelled: that must end, too. */
static long run_ring(const struct call *call)
{
	struct __kernel_timespec soon = { .tv_nsec = 2000000 };
	unsigned int count = below(3) + 1, i;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	long result;

	(void)call;
	result = io_uring_queue_init(4, &ring, 0);
	if (result < 0)
		return result;
	if (percent(30))
		hold(&ring);
	for (i = 0; i < count; i++)
		prepare(io_uring_get_sqe(&ring));
	result = io_uring_submit(&ring);
	for (i = 0; i < count && result >= 0; i++) {
		result = io_uring_wait_cqe_timeout(&ring, &cqe, &soon);
		if (!result)
			io_uring_cqe_seen(&ring, cqe);
	}
	io_uring_queue_exit(&ring);
	return result < 0 ? result : 0;
}

const struct call ring_calls[] = {
	{ "io_uring", 12, CALL_BLOCKS, ERRNO_LIST(ENOSYS, EPERM, ENOMEM, EINTR, ETIME, EMFILE, ENFILE, EAGAIN),
	  run_ring, NULL },
	{ 0 },
};
