/* SPDX-License-Identifier: MIT */
/*
 * What the tests of queues share: frames that tell whether they are whole, and
 * a producer and consumers to run in processes of their own.
 */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

#include <dmashm.h>

#include "uapi.h"

#define SECOND		1000000000ull
#define PATIENCE	dmashm_deadline(20 * SECOND)	/* longer is a hang */
#define FRAME_SIZE	6000u

/* All of a frame follows from its number. */
struct frame_head {
	uint32_t number;
	uint32_t length;
};

static inline uint32_t frame_length(uint32_t number)
{
	return 8 + number * 2654435761u % (FRAME_SIZE - 8) / 4 * 4;
}

static inline uint32_t frame_body(uint32_t number, uint32_t i)
{
	return (number + 1) * 2654435761u ^ i * 40503u;
}

static inline size_t write_frame(void *data, uint32_t number)
{
	struct frame_head *head = data;
	uint32_t *word = data, i;

	head->number = number;
	head->length = frame_length(number);
	for (i = 2; i < head->length / 4; i++)
		word[i] = frame_body(number, i);
	return head->length;
}

/* The number of a frame that must be whole. */
static inline uint32_t read_frame(const struct dmashm_frame *frame)
{
	const volatile uint32_t *word = frame->data;
	uint32_t number = word[0], i;

	ASSERT_EQ(frame->length, frame_length(number));
	ASSERT_EQ(word[1], frame->length);
	for (i = 2; i < frame->length / 4; i++)
		if (word[i] != frame_body(number, i))
			FAIL("frame %u (ordinal %u) is torn at word %u of %zu",
			     number, frame->ordinal, i, frame->length / 4);
	ASSERT_EQ(word[0], number);
	return number;
}

static inline struct dmashm_buffer *frames_buffer(unsigned int count)
{
	struct dmashm_buffer *buf;

	ASSERT_EQ(dmashm_create(dmashm_queue_size(count, FRAME_SIZE), "queue", 0, &buf), 0);
	return buf;
}

/* Another member of the same buffer in this process. */
static inline struct dmashm_buffer *twin(struct dmashm_buffer *buf)
{
	struct dmashm_buffer *other;

	ASSERT_EQ(dmashm_import(dmashm_fd(buf), dmashm_member_fd(buf), &other), 0);
	return other;
}

static inline struct dmashm_queue *produce(struct dmashm_buffer *buf,
					   unsigned int count, unsigned int flags)
{
	struct dmashm_queue *q;

	ASSERT_EQ(dmashm_queue_create(buf, count, FRAME_SIZE, flags, &q), 0);
	return q;
}

static inline struct dmashm_queue *consume(struct dmashm_buffer *buf)
{
	struct dmashm_queue *q;

	ASSERT_EQ(dmashm_queue_open(buf, &q), 0);
	return q;
}

static inline void put(struct dmashm_queue *q, uint32_t number)
{
	void *data;

	ASSERT_EQ(dmashm_queue_put_begin(q, PATIENCE, &data), 0);
	ASSERT_EQ(dmashm_queue_put_end(q, write_frame(data, number)), 0);
}

/* The next frame, of which none may be missed, has this number. */
static inline void get(struct dmashm_queue *q, uint32_t number)
{
	struct dmashm_frame frame;

	ASSERT_EQ(dmashm_queue_get_begin(q, PATIENCE, &frame), 0);
	ASSERT_EQ(frame.missed, 0);
	ASSERT_EQ(read_frame(&frame), number);
	ASSERT_EQ(dmashm_queue_get_end(q), 0);
}

static inline int try_get(struct dmashm_queue *q)
{
	struct dmashm_frame frame;

	return dmashm_queue_get_begin(q, 0, &frame);
}

static inline int try_put(struct dmashm_queue *q)
{
	void *data;

	return dmashm_queue_put_begin(q, 0, &data);
}

/* The words behind a queue: see libclient/queue.h. */
static inline uint32_t *library_word(struct dmashm_buffer *buf, unsigned int n)
{
	return dmashm_event(buf, 0) -
	       (DMASHM_OFF_EVENTS - DMASHM_OFF_LIBRARY) / 4 + n;
}

static inline uint32_t *slot_words(struct dmashm_buffer *buf, unsigned int slot)
{
	return dmashm_event(buf, 0) +
	       (DMASHM_OFF_SLOT(slot) - DMASHM_OFF_EVENTS) / 4;
}

/* A pipe on which children say that they have come so far. */
struct milestone {
	int ends[2];
};

static inline struct milestone milestone(void)
{
	struct milestone m;

	ASSERT_EQ(pipe(m.ends), 0);
	return m;
}

static inline void reach(struct milestone m)
{
	ASSERT_EQ(write(m.ends[1], "x", 1), 1);
}

static inline void await(struct milestone m)
{
	char byte;

	ASSERT_EQ(read(m.ends[0], &byte, 1), 1);
}

#endif /* TESTS_FRAMES_H */
