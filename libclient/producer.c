// SPDX-License-Identifier: MIT
/*
 * The one that fills the frames of a queue. See queue.h.
 *
 * A frame that is being written has the ordinal 0. If its producer dies, it
 * has that still, which says that it is free: nobody sees half a frame.
 */
#include "queue.h"

/* What the consumers say of themselves, all taken together. */
struct crowd {
	uint32_t size;		/* without those who are just arriving */
	uint32_t pins;		/* bit f: somebody reads frame f */
	uint32_t next;		/* the lowest that somebody has not had */
	bool holds_all;		/* somebody is just arriving */
};

static void count_in(const struct dmashm_queue *q, uint32_t slot,
		     struct crowd *crowd)
{
	uint32_t next, pin;

	/* The role first: it is there before the rest, see consumer.c. */
	if ((look(slot_word(q, slot, SLOT_ROLE)) & KIND_MASK) != CONSUMER)
		return;
	next = look(slot_word(q, slot, SLOT_NEXT));
	pin = look(slot_word(q, slot, SLOT_PIN));
	if (pin - 1 < q->count)
		crowd->pins |= UINT32_C(1) << (pin - 1);
	if (!next) {
		crowd->holds_all = true;
		return;
	}
	if (!crowd->next || is_before(next, crowd->next))
		crowd->next = next;
	crowd->size++;
}

/*
 * Consumers are on the map of slots to look at, for as long as they live.
 * Pairs with dmashm_consumer_start().
 */
static struct crowd see_crowd(const struct dmashm_queue *q)
{
	uint64_t left = dmashm_readers_map(dmashm_self(q->buf)->words) &
			DMASHM_SLOT_BITS;
	struct crowd crowd = { .size = 0 };

	for (; left; left &= left - 1)
		count_in(q, (uint32_t)__builtin_ctzll(left), &crowd);
	return crowd;
}

/* May what has this ordinal be lost? */
static bool is_done_with(const struct dmashm_queue *q,
			 const struct crowd *crowd, uint32_t ordinal)
{
	if (q->flags & DMASHM_OVERWRITE)
		return true;
	return !crowd->holds_all &&
	       (!crowd->next || is_before(ordinal, crowd->next));
}

/* An empty frame or else the oldest one, of those that may be had; or count. */
static uint32_t choose(const struct dmashm_queue *q, uint32_t except)
{
	struct crowd crowd = see_crowd(q);
	uint32_t best = q->count, oldest = 0, f;

	except |= crowd.pins;
	for (f = 0; f < q->count; f++) {
		uint32_t ordinal = look(frame_word(q, f, FRAME_ORDINAL));

		if (except & UINT32_C(1) << f)
			continue;
		if (!ordinal)
			return f;
		if (is_done_with(q, &crowd, ordinal) &&
		    (!oldest || is_before(ordinal, oldest))) {
			oldest = ordinal;
			best = f;
		}
	}
	return best;
}

/* What was in the frame is in it still: let it be seen again. */
static void restore(struct dmashm_queue *q, uint32_t f)
{
	set(frame_word(q, f, FRAME_ORDINAL), q->ordinal);
	dmashm_bell_ring(q, QUEUE_NEWS);
}

/*
 * Mark the frame as being written, then look whether somebody reads it: pairs
 * with pin() in consumer.c. A frame that was empty may be pinned too, where its
 * reader pinned it before a producer who died marked it.
 */
static bool take(struct dmashm_queue *q, uint32_t f)
{
	q->ordinal = __atomic_exchange_n(frame_word(q, f, FRAME_ORDINAL), 0,
					 __ATOMIC_SEQ_CST);
	if (!(see_crowd(q).pins & UINT32_C(1) << f)) {
		q->frame = f;
		return true;
	}
	restore(q, f);
	return false;
}

static int take_any(struct dmashm_queue *q)
{
	uint32_t tried = 0, n;

	for (n = 0; n < q->count; n++) {
		uint32_t f = choose(q, tried);

		if (f == q->count)
			break;
		if (take(q, f))
			return 0;
		tried |= UINT32_C(1) << f;
	}
	return -EAGAIN;
}

/* Is the one that QUEUE_PRODUCER names still at it? */
bool dmashm_producer_lives(const struct dmashm_queue *q, uint32_t producer)
{
	uint32_t slot = producer & PRODUCER_SLOT;

	return slot < DMASHM_CAPACITY &&
	       look(slot_word(q, slot, SLOT_ROLE)) == role_of(producer, PRODUCER);
}

/*
 * Take the place of one that is gone. The own role, which is set by now, says
 * that the place is taken; so nobody comes between the two. Acquire: what the
 * one before did is seen from here on.
 */
static int claim(struct dmashm_queue *q)
{
	uint32_t *word = queue_word(q, QUEUE_PRODUCER);
	uint32_t me = (q->me & ~KIND_MASK) | dmashm_slot_number(q->buf);
	uint32_t old = look(word);

	if ((old & ~PRODUCER_AGAINS) == me)
		me |= (old + PRODUCER_AGAIN) & PRODUCER_AGAINS;
	else if (dmashm_producer_lives(q, old))
		return -EBUSY;
	return __atomic_compare_exchange_n(word, &old, me, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ?
	       0 : -EBUSY;
}

/* One who died in here has left QUEUE_IS 0, so that all is done again. */
static int describe(struct dmashm_queue *q)
{
	/* Acquire: pairs with the release below, in who described it. */
	uint32_t is = __atomic_load_n(queue_word(q, QUEUE_IS), __ATOMIC_ACQUIRE);

	if (is && is != QUEUE_MAGIC)
		return -EPROTO;
	if (is)
		return *queue_word(q, QUEUE_FLAGS) == q->flags &&
		       *queue_word(q, QUEUE_COUNT) == q->count &&
		       *queue_word(q, QUEUE_FRAME_SIZE) == q->frame_size ?
		       0 : -EEXIST;
	*queue_word(q, QUEUE_FLAGS) = q->flags;
	*queue_word(q, QUEUE_COUNT) = q->count;
	*queue_word(q, QUEUE_FRAME_SIZE) = q->frame_size;
	/* Release: pairs with the acquires above and in read_description(). */
	__atomic_store_n(queue_word(q, QUEUE_IS), QUEUE_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

/* Where the one before died between publishing a frame and saying so. */
static void find_head(struct dmashm_queue *q)
{
	uint32_t head = look(queue_word(q, QUEUE_HEAD));
	uint32_t next = next_ordinal(head), f;

	for (f = 0; f < q->count; f++)
		if (look(frame_word(q, f, FRAME_ORDINAL)) == next)
			head = next;
	q->position = head;
	set(queue_word(q, QUEUE_HEAD), head);
}

int dmashm_producer_start(struct dmashm_queue *q)
{
	int err;

	err = claim(q);
	if (!err)
		err = describe(q);
	if (err)
		return err;
	find_head(q);
	set(queue_word(q, QUEUE_FINISHED), 0);
	return 0;
}

/* A queue that nobody finished is left to the next one. */
void dmashm_producer_stop(struct dmashm_queue *q)
{
	(void)dmashm_queue_put_cancel(q);
	set(own_word(q, SLOT_ROLE), 0);
	dmashm_bell_ring(q, QUEUE_NEWS);
}

int dmashm_queue_put_begin(struct dmashm_queue *q, uint64_t deadline,
			   void **data)
{
	int err;

	err = dmashm_queue_check(q, PRODUCER);
	if (err)
		return err;
	if (!data)
		return -EINVAL;
	if (q->open)
		return -EBUSY;
	if (look(queue_word(q, QUEUE_FINISHED)))
		return -EPIPE;
	err = dmashm_bell_await(q, QUEUE_ROOM, deadline, take_any);
	if (err)
		return err;
	err = dmashm_queue_bracket(q, DMASHM_WRITE, deadline);
	if (err) {
		restore(q, q->frame);
		return err;
	}
	q->open = true;
	*data = dmashm_queue_data(q, q->frame);
	return 0;
}

/*
 * What was written is whole if it was bracketed, or if no device came. Else a
 * SYNC of somebody may have brought back what was there when the device did, or
 * the device itself when it went.
 */
static int close_frame(struct dmashm_queue *q)
{
	q->open = false;
	if (q->bracketed)
		return dmashm_queue_bracket_end(q, DMASHM_WRITE);
	/* Pairs with the one in dmashm_attachment_add(): see bracket.c. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return dmashm_arrivals(q->buf) == q->arrivals ? 0 : -EAGAIN;
}

int dmashm_queue_put_end(struct dmashm_queue *q, size_t length)
{
	int err;

	err = dmashm_queue_check(q, PRODUCER);
	if (err)
		return err;
	if (length > q->frame_size)
		return -EINVAL;
	if (!q->open)
		return -EPERM;
	err = close_frame(q);
	if (err)
		return err;
	q->position = next_ordinal(q->position);
	__atomic_store_n(frame_word(q, q->frame, FRAME_LENGTH), (uint32_t)length,
			 __ATOMIC_RELAXED);
	/* Release too: pairs with the looks at it in consumer.c. */
	set(frame_word(q, q->frame, FRAME_ORDINAL), q->position);
	set(queue_word(q, QUEUE_HEAD), q->position);
	dmashm_bell_ring(q, QUEUE_NEWS);
	return 0;
}

int dmashm_queue_put_cancel(struct dmashm_queue *q)
{
	int err;

	err = dmashm_queue_check(q, PRODUCER);
	if (err)
		return err;
	if (!q->open)
		return -EPERM;
	err = close_frame(q);
	return err == -EAGAIN ? 0 : err;
}

int dmashm_queue_finish(struct dmashm_queue *q)
{
	int err;

	err = dmashm_queue_check(q, PRODUCER);
	if (err)
		return err;
	if (q->open)
		return -EBUSY;
	set(queue_word(q, QUEUE_FINISHED), 1);
	dmashm_bell_ring(q, QUEUE_NEWS);
	return 0;
}

static int is_crowded(struct dmashm_queue *q)
{
	return see_crowd(q).size >= q->awaited ? 0 : -EAGAIN;
}

int dmashm_queue_await(struct dmashm_queue *q, unsigned int consumers,
		       uint64_t deadline)
{
	int err;

	err = dmashm_queue_check(q, PRODUCER);
	if (err)
		return err;
	q->awaited = consumers;
	return dmashm_bell_await(q, QUEUE_ROOM, deadline, is_crowded);
}
