// SPDX-License-Identifier: MIT
/* Those that take the frames of a queue, each of them each frame. See queue.h. */
#include "queue.h"

/* How often in a row a producer may be faster, before this one sleeps. */
#define RETRIES	64

/*
 * The role comes with a next of 0, which holds back all frames that are and
 * that come; only then is the head looked at. Sequentially consistent, as the
 * producer's changes of the head and see_crowd() after them: so whoever takes
 * a frame beyond that head has seen the role before.
 */
void dmashm_consumer_start(struct dmashm_queue *q)
{
	dmashm_be_looked_at(q->buf);
	q->position = next_ordinal(look(queue_word(q, QUEUE_HEAD)));
	set(own_word(q, SLOT_NEXT), q->position);
	dmashm_bell_ring(q, QUEUE_ROOM);
}

/* Nothing else may be left for the next role of this slot. */
void dmashm_consumer_stop(struct dmashm_queue *q)
{
	(void)dmashm_queue_get_end(q);
	set(own_word(q, SLOT_NEXT), 0);
	set(own_word(q, SLOT_PIN), 0);
	set(own_word(q, SLOT_ROLE), 0);
	dmashm_bell_ring(q, QUEUE_ROOM);
}

/* The lowest ordinal from @position on, or 0; and which frame has it. */
static uint32_t look_for(const struct dmashm_queue *q, uint32_t *frame)
{
	uint32_t best = 0, f;

	for (f = 0; f < q->count; f++) {
		uint32_t ordinal = look(frame_word(q, f, FRAME_ORDINAL));

		if (!ordinal || is_before(ordinal, q->position))
			continue;
		if (!best || is_before(ordinal, best)) {
			best = ordinal;
			*frame = f;
		}
	}
	return best;
}

/*
 * Frames are published while this looks: a later one may be seen where an
 * earlier one was not there yet. But who has seen the later one sees the
 * earlier one at a second look.
 */
static uint32_t find(const struct dmashm_queue *q, uint32_t *frame)
{
	uint32_t found = look_for(q, frame);

	return found && found != q->position ? look_for(q, frame) : found;
}

/* Release: what was read is read; pairs with the look of see_crowd(). */
static void unpin(struct dmashm_queue *q)
{
	set(own_word(q, SLOT_PIN), 0);
	dmashm_bell_ring(q, QUEUE_ROOM);
}

/*
 * Say that the frame is being read, then look whether it still is what it was:
 * pairs with take() in producer.c. Acquire too: with put_end()'s release of the
 * ordinal, for the length and the data.
 */
static bool pin(struct dmashm_queue *q, uint32_t frame, uint32_t ordinal)
{
	set(own_word(q, SLOT_PIN), frame + 1);
	if (look(frame_word(q, frame, FRAME_ORDINAL)) == ordinal) {
		q->frame = frame;
		q->ordinal = ordinal;
		return true;
	}
	unpin(q);
	return false;
}

/* What to say where there is no frame. */
static int status(struct dmashm_queue *q)
{
	uint32_t producer = look(queue_word(q, QUEUE_PRODUCER));

	q->status_of = producer;
	q->end = next_ordinal(look(queue_word(q, QUEUE_HEAD)));
	if (look(queue_word(q, QUEUE_FINISHED)))
		return -EPIPE;
	if (producer == q->mourned || dmashm_producer_lives(q, producer))
		return -EAGAIN;
	return -EOWNERDEAD;
}

static int pin_next(struct dmashm_queue *q)
{
	/* First: who has finished, or died, has published all before. */
	int none = status(q), n;

	for (n = 0; n < RETRIES; n++) {
		uint32_t frame = 0, ordinal = find(q, &frame);

		if (!ordinal)
			return none;
		if (pin(q, frame, ordinal))
			return 0;
	}
	return -EAGAIN;
}

/* Done with all before @position. Release, as unpin(). */
static void advance(struct dmashm_queue *q, uint32_t position)
{
	q->position = position;
	set(own_word(q, SLOT_NEXT), position);
	unpin(q);
}

/* Nothing was there any more of what had come before status() looked. */
static uint32_t count_lost(struct dmashm_queue *q)
{
	uint32_t lost;

	if (!is_before(q->position, q->end))
		return 0;
	lost = count_between(q->position, q->end);
	advance(q, q->end);
	return lost;
}

static int describe_none(struct dmashm_queue *q, int err,
			 struct dmashm_frame *frame)
{
	if (err != -EPIPE && err != -EOWNERDEAD)
		return err;
	if (err == -EOWNERDEAD)
		q->mourned = q->status_of;
	*frame = (struct dmashm_frame){ .missed = count_lost(q) };
	return err;
}

static int describe_frame(struct dmashm_queue *q, struct dmashm_frame *frame)
{
	uint32_t length = __atomic_load_n(frame_word(q, q->frame, FRAME_LENGTH),
					  __ATOMIC_RELAXED);

	*frame = (struct dmashm_frame){
		.data = dmashm_queue_data(q, q->frame),
		.length = length,
		.ordinal = q->ordinal,
		.missed = count_between(q->position, q->ordinal),
	};
	return length <= q->frame_size ? 0 : -EPROTO;
}

int dmashm_queue_get_begin(struct dmashm_queue *q, uint64_t deadline,
			   struct dmashm_frame *frame)
{
	struct dmashm_frame found;
	int err;

	err = dmashm_queue_check(q, CONSUMER);
	if (err)
		return err;
	if (!frame)
		return -EINVAL;
	if (q->open)
		return -EBUSY;
	err = dmashm_bell_await(q, QUEUE_NEWS, deadline, pin_next);
	if (err)
		return describe_none(q, err, frame);
	err = describe_frame(q, &found);
	if (err) {
		advance(q, next_ordinal(q->ordinal));
		return err;
	}
	err = dmashm_queue_bracket(q, DMASHM_READ, deadline);
	if (err) {
		unpin(q);
		return err;
	}
	q->open = true;
	*frame = found;
	return 0;
}

/*
 * A device that came since the frame was opened without a bracket was given the
 * frame as it is; so a SYNC can bring back nothing else.
 */
int dmashm_queue_get_end(struct dmashm_queue *q)
{
	int err;

	err = dmashm_queue_check(q, CONSUMER);
	if (err)
		return err;
	if (!q->open)
		return -EPERM;
	if (q->bracketed)
		err = dmashm_queue_bracket_end(q, DMASHM_READ);
	q->open = false;
	advance(q, next_ordinal(q->ordinal));
	return err;
}
