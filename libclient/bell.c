// SPDX-License-Identifier: MIT
/*
 * Bells: words on which one side of a queue sleeps until the other has done
 * something, at no system call while nobody sleeps.
 *
 * Bit 0 says that somebody wants to be woken; the rest counts how often the
 * bell was rung, so that who was about to sleep finds another value even where
 * a third party wants to be woken by then.
 */
#include "queue.h"

#define WANTED	0x1u

static uint32_t offset_of(enum queue_word bell)
{
	return DMASHM_OFF_LIBRARY + (uint32_t)(bell * sizeof(uint32_t));
}

/*
 * After a change that somebody may wait for. The look pairs with the change in
 * dmashm_bell_listen(): see queue.h. Where another one rings at the same time,
 * his comes after this change too, and will do for both. Who dies before he
 * has woken anybody wakes them by that.
 */
void dmashm_bell_ring(struct dmashm_queue *q, enum queue_word bell)
{
	uint32_t *word = queue_word(q, bell);
	uint32_t old = look(word);

	if (!(old & WANTED))
		return;
	/* Adding 1 clears WANTED and counts. */
	if (__atomic_compare_exchange_n(word, &old, old + 1, false,
					__ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		(void)dmashm_wake_word(q->buf, offset_of(bell), UINT32_MAX);
}

/*
 * Ask to be woken by the next ring; look at what is waited for after that. What
 * the word is from now on, until it rings.
 */
uint32_t dmashm_bell_listen(struct dmashm_queue *q, enum queue_word bell)
{
	return __atomic_fetch_or(queue_word(q, bell), WANTED, __ATOMIC_SEQ_CST) |
	       WANTED;
}

/* Look before sleeping, with all that could happen meanwhile cutting it short. */
static int sleep_on(struct dmashm_queue *q, enum queue_word bell,
		    uint64_t deadline, int (*attempt)(struct dmashm_queue *q))
{
	struct dmashm_wait arg = {
		.offset = offset_of(bell),
		.deadline = deadline,
		.flags = DMASHM_WAIT_DEPARTURES,
	};
	int err;

	/* Before the attempt looks at the slots, which a departure wipes. */
	arg.departures = dmashm_departures(q->buf);
	arg.expected = dmashm_bell_listen(q, bell);
	err = attempt(q);
	if (err != -EAGAIN)
		return err;
	err = dmashm_wait_word(q->buf, &arg);
	return err ? err : -EAGAIN;
}

/* Attempt until that gives something else than -EAGAIN. */
int dmashm_bell_await(struct dmashm_queue *q, enum queue_word bell,
		      uint64_t deadline, int (*attempt)(struct dmashm_queue *q))
{
	for (;;) {
		int err = attempt(q);

		if (err != -EAGAIN)
			return err;
		if (dmashm_passed(deadline))
			return -ETIMEDOUT;
		err = sleep_on(q, bell, deadline, attempt);
		if (err != -EAGAIN)
			return err;
	}
}

int dmashm_queue_arm(struct dmashm_queue *q)
{
	enum queue_word bell;
	struct dmashm_arm arg = { .flags = 0 };

	if (dmashm_held(q->buf) != q->me)
		return -EPERM;
	bell = q->kind == PRODUCER ? QUEUE_ROOM : QUEUE_NEWS;
	arg.offset = offset_of(bell);
	arg.departures = dmashm_departures(q->buf);
	arg.expected = dmashm_bell_listen(q, bell);
	return dmashm_ioctl(q->buf->member_fd, DMASHM_IOC_ARM, &arg);
}
