// SPDX-License-Identifier: MIT
/* Queues of frames: how handles come and go. See queue.h. */
#include "queue.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t stride_of(size_t frame_size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (frame_size + page - 1) / page * page;
}

static bool is_sound(uint32_t count, size_t frame_size)
{
	return count >= FRAMES_MIN && count <= FRAMES_MAX &&
	       frame_size && frame_size <= UINT32_MAX;
}

size_t dmashm_queue_size(unsigned int count, size_t frame_size)
{
	uint64_t size;

	if (!is_sound(count, frame_size))
		return 0;
	size = count * stride_of(frame_size);
	return size <= SIZE_MAX ? (size_t)size : 0;
}

/* Do so many frames fit into the buffer? */
static bool fits(const struct dmashm_queue *q)
{
	size_t size = dmashm_queue_size(q->count, q->frame_size);

	return size && size <= dmashm_size(q->buf);
}

/*
 * May this process use the handle, for this? A child of fork() has another id,
 * or none yet; its parent's slot and words are not for it to touch.
 */
int dmashm_queue_check(const struct dmashm_queue *q, enum queue_kind kind)
{
	if (dmashm_held(q->buf) != q->me)
		return -EPERM;
	return q->kind == kind ? 0 : -EINVAL;
}

void *dmashm_queue_data(const struct dmashm_queue *q, uint32_t frame)
{
	return q->data + frame * q->stride;
}

static size_t frame_offset(const struct dmashm_queue *q)
{
	return q->frame * q->stride;
}

/*
 * Who owns the frame excludes others without the barrier. But the SYNC that a
 * device calls for may be somebody's for the whole buffer, and write old bytes
 * over a frame that another is writing: so then one at a time. The mark of a
 * death is no matter here, since half a frame is never seen; and it is left to
 * those who use the barrier for something else.
 */
int dmashm_queue_bracket(struct dmashm_queue *q, unsigned int access,
			 uint64_t deadline)
{
	int err;

	q->arrivals = dmashm_arrivals(q->buf);
	q->bracketed = dmashm_attached(q->buf);
	if (!q->bracketed)
		return 0;
	err = dmashm_begin_range(q->buf, access, frame_offset(q), q->frame_size,
				 deadline);
	return err == -EOWNERDEAD ? 0 : err;
}

int dmashm_queue_bracket_end(struct dmashm_queue *q, unsigned int access)
{
	return dmashm_end_range(q->buf, access, frame_offset(q), q->frame_size);
}

/* A slot has room for one role. */
static int take_role(struct dmashm_queue *q)
{
	uint32_t none = 0;

	return __atomic_compare_exchange_n(own_word(q, SLOT_ROLE), &none,
					   role_of(q->me, q->kind), false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED) ?
	       0 : -EBUSY;
}

static int read_description(struct dmashm_queue *q)
{
	/* Pairs with the release in describe(), producer.c. */
	switch (__atomic_load_n(queue_word(q, QUEUE_IS), __ATOMIC_ACQUIRE)) {
	case 0:
		return -ENOENT;
	case QUEUE_MAGIC:
		break;
	default:
		return -EPROTO;
	}
	q->flags = look(queue_word(q, QUEUE_FLAGS));
	q->count = look(queue_word(q, QUEUE_COUNT));
	q->frame_size = look(queue_word(q, QUEUE_FRAME_SIZE));
	return !(q->flags & ~DMASHM_OVERWRITE) && fits(q) ? 0 : -EPROTO;
}

static int map_frames(struct dmashm_queue *q)
{
	int prot = q->kind == PRODUCER ? PROT_READ | PROT_WRITE : PROT_READ;
	void *data;
	int err;

	q->stride = (size_t)stride_of(q->frame_size);
	err = dmashm_map(q->buf, prot, &data);
	if (!err)
		q->data = data;
	return err;
}

static int start(struct dmashm_queue *q)
{
	int err;

	err = take_role(q);
	if (err)
		return err;
	if (q->kind == CONSUMER) {
		dmashm_consumer_start(q);
		return 0;
	}
	err = dmashm_producer_start(q);
	if (err)
		set(own_word(q, SLOT_ROLE), 0);
	return err;
}

/* A handle like @model, which was checked. */
static int queue_new(const struct dmashm_queue *model, struct dmashm_queue **out)
{
	struct dmashm_queue *q;
	int err;

	q = malloc(sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = *model;
	err = map_frames(q);
	if (err)
		goto err_free;
	err = start(q);
	if (err)
		goto err_unmap;
	*out = q;
	return 0;

err_unmap:
	(void)dmashm_unmap(q->buf, q->data);
err_free:
	free(q);
	return err;
}

int dmashm_queue_create(struct dmashm_buffer *buf, unsigned int count,
			size_t frame_size, unsigned int flags,
			struct dmashm_queue **out)
{
	struct dmashm_queue q = {
		.buf = buf, .kind = PRODUCER, .flags = flags,
		.count = count, .frame_size = (uint32_t)frame_size,
	};
	int err;

	if (!out || flags & ~DMASHM_OVERWRITE || frame_size > UINT32_MAX ||
	    !fits(&q))
		return -EINVAL;
	err = dmashm_enter(buf);
	if (err)
		return err;
	q.me = dmashm_held(buf);
	return queue_new(&q, out);
}

int dmashm_queue_open(struct dmashm_buffer *buf, struct dmashm_queue **out)
{
	struct dmashm_queue q = { .buf = buf, .kind = CONSUMER };
	int err;

	if (!out)
		return -EINVAL;
	err = dmashm_enter(buf);
	if (err)
		return err;
	err = read_description(&q);
	if (err)
		return err;
	q.me = dmashm_held(buf);
	return queue_new(&q, out);
}

void dmashm_queue_close(struct dmashm_queue *q)
{
	if (!q)
		return;
	if (dmashm_held(q->buf) == q->me) {
		if (q->kind == PRODUCER)
			dmashm_producer_stop(q);
		else
			dmashm_consumer_stop(q);
	}
	(void)dmashm_unmap(q->buf, q->data);
	free(q);
}
