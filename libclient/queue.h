/* SPDX-License-Identifier: MIT */
/*
 * The words of a frame queue, and what its files share.
 *
 * All that is common lies in the library's words of the page: what the queue
 * is like, who produces, and for each frame the ordinal of what is in it. What
 * one party says of itself lies in the free words of its own slot, which the
 * kernel wipes when the party leaves: a dead consumer holds nothing back, and
 * a dead producer's place is free.
 *
 * Two pairs of "store, then look at what the other stores" keep it together;
 * all four are sequentially consistent, so that of each pair at least one
 * sees the other:
 *
 *   producer: frame's ordinal to 0, then all pins      take() in producer.c
 *   consumer: pin, then the frame's ordinal            pin() in consumer.c
 *
 *   who sleeps: the bell's WANTED, then what it waits for     bell.c
 *   who rings:  what the other waits for, then WANTED         bell.c
 *
 * Every member can write to all of these words. What is read from them is
 * compared and bounded before it is used, and never decides how long a loop
 * runs.
 */
#ifndef DMASHM_QUEUE_H
#define DMASHM_QUEUE_H

#include "private.h"

#define QUEUE_MAGIC	0x646d7131	/* "dmq1": this layout */
#define FRAMES_MIN	2
#define FRAMES_MAX	32

/* The library's words; lines of 16 by who writes them. */
enum queue_word {
	QUEUE_IS,		/* 0 or QUEUE_MAGIC; stored last, with release */
	QUEUE_FLAGS,		/* these three: constant once QUEUE_IS is set */
	QUEUE_COUNT,
	QUEUE_FRAME_SIZE,
	QUEUE_NEWS,		/* bell: consumers sleep on it */
	QUEUE_ROOM,		/* bell: the producer sleeps on it */
	QUEUE_PRODUCER = 16,	/* the last one, as follows; 0 none yet */
	QUEUE_FINISHED,		/* it said that no more will come */
	QUEUE_HEAD,		/* the ordinal published last */
	QUEUE_FRAMES = 32,	/* FRAME_WORDS for each frame */
};

/*
 * QUEUE_PRODUCER: the member's slot, then how often it came back after it had
 * closed its handle, so that the word does not look as if it had never left;
 * the rest is the member's id.
 */
#define PRODUCER_SLOT	0x3fu
#define PRODUCER_AGAIN	0x40u
#define PRODUCER_AGAINS	0xc0u

/*
 * Ordinals go up by one with each frame, wrap, and are never 0: an ordinal of
 * 0 says that the frame is empty, or being written.
 */
enum frame_word {
	FRAME_ORDINAL,
	FRAME_LENGTH,
	FRAME_WORDS,
};

/* The words of a member's slot; the first one is the barrier's. */
enum slot_word {
	SLOT_ROLE = 1,		/* id and kind; 0 none */
	SLOT_NEXT,		/* consumer: what it has not had; 0 holds all */
	SLOT_PIN,		/* consumer: the frame that it reads, plus 1 */
};

enum queue_kind { CONSUMER = 1, PRODUCER };

/* The rest of a role is the member's id, in the same bits as everywhere. */
#define KIND_MASK	0xffu

_Static_assert(QUEUE_FRAMES + FRAMES_MAX * FRAME_WORDS <=
	       (DMASHM_OFF_EVENTS - DMASHM_OFF_LIBRARY) / sizeof(uint32_t),
	       "the library's words hold the queue's");

struct dmashm_queue {
	struct dmashm_buffer *buf;
	uint32_t me;		/* dmashm_held() of the member it belongs to */
	enum queue_kind kind;

	/* What the queue is like, checked once and not read again. */
	uint32_t flags;
	uint32_t count;
	uint32_t frame_size;
	size_t stride;
	char *data;

	/* The frame that is open between begin and end. */
	bool open;
	bool bracketed;		/* by dmashm_begin_range() */
	uint32_t arrivals;	/* of devices, when it was opened */
	uint32_t frame;
	uint32_t ordinal;	/* producer: what it had before */

	uint32_t position;	/* producer: the head; consumer: what comes next */
	uint32_t status_of;	/* consumer: the producer last looked at, */
	uint32_t end;		/* and what came next then */
	uint32_t mourned;	/* consumer: the producer whose death was told */
	uint32_t awaited;	/* producer: by dmashm_queue_await() */
};

/* bell.c */
void dmashm_bell_ring(struct dmashm_queue *q, enum queue_word bell);
uint32_t dmashm_bell_listen(struct dmashm_queue *q, enum queue_word bell);
int dmashm_bell_await(struct dmashm_queue *q, enum queue_word bell,
		      uint64_t deadline, int (*attempt)(struct dmashm_queue *q));

/* producer.c */
int dmashm_producer_start(struct dmashm_queue *q);
void dmashm_producer_stop(struct dmashm_queue *q);
bool dmashm_producer_lives(const struct dmashm_queue *q, uint32_t producer);

/* consumer.c */
void dmashm_consumer_start(struct dmashm_queue *q);
void dmashm_consumer_stop(struct dmashm_queue *q);

/* queue.c */
int dmashm_queue_check(const struct dmashm_queue *q, enum queue_kind kind);
void *dmashm_queue_data(const struct dmashm_queue *q, uint32_t frame);
int dmashm_queue_bracket(struct dmashm_queue *q, unsigned int access,
			 uint64_t deadline);
int dmashm_queue_bracket_end(struct dmashm_queue *q, unsigned int access);

static inline uint32_t *queue_word(const struct dmashm_queue *q, uint32_t n)
{
	return dmashm_word(q->buf, DMASHM_OFF_LIBRARY) + n;
}

static inline uint32_t *frame_word(const struct dmashm_queue *q, uint32_t frame,
				   enum frame_word n)
{
	return queue_word(q, QUEUE_FRAMES + frame * FRAME_WORDS + n);
}

static inline uint32_t *slot_word(const struct dmashm_queue *q, uint32_t slot,
				  enum slot_word n)
{
	return dmashm_word(q->buf, DMASHM_OFF_SLOT(slot)) + n;
}

static inline uint32_t *own_word(const struct dmashm_queue *q, enum slot_word n)
{
	return dmashm_self(q->buf)->slot + n;
}

/* All looks and changes but those of lengths and of what is constant. */
static inline uint32_t look(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void set(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline uint32_t role_of(uint32_t id_and_more, enum queue_kind kind)
{
	return (id_and_more & ~KIND_MASK) | kind;
}

/* Ordinals */

static inline uint32_t next_ordinal(uint32_t ordinal)
{
	return ordinal + 1 ? ordinal + 1 : 1;
}

static inline bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* How many there are from @a to before @b; 0 is none of them. */
static inline uint32_t count_between(uint32_t a, uint32_t b)
{
	return b - a - (b < a);
}

#endif /* DMASHM_QUEUE_H */
