// SPDX-License-Identifier: MIT
/*
 * The exclusive barrier, by the protocol of linux/dmashm.h.
 *
 * Every member can write to the word, by mistake or by malice. What is lost
 * then is the exclusion, never this process: no loop here depends on others
 * keeping to the protocol. Loops around a compare-and-exchange are bounded,
 * and the one that waits looks at its deadline each time round.
 *
 * No wake-up is lost
 *
 *   An unlock that saw WAITERS takes the bit off and wakes one sleeper, who is
 *   from then on responsible for all others that still sleep. He keeps that up
 *   in each of the three ways in which he can go on:
 *
 *     - he takes the barrier: with WAITERS set, so that his own unlock wakes
 *       the next one;
 *     - he finds it held and sleeps again: having set WAITERS on the held word
 *       before, so that the holder's unlock wakes somebody;
 *     - he gives up: only after a last attempt to take it, and having set
 *       WAITERS on the held word; where that did not succeed because the word
 *       keeps changing or is free again, he wakes the next one himself.
 *
 *   Any return from WAIT is taken for such a wake-up, for a locker cannot know
 *   what came together with a timeout or a signal. If he dies instead, the
 *   kernel wakes everybody.
 */
#include "private.h"

/* More changes than members that keep to the protocol can make meanwhile. */
#define RETRIES	64

/* Kept out of line: inlined, it would have the fast path save registers. */
#define SLOW_PATH	__attribute__((noinline, cold))

/* The part of the word that says who holds it. */
#define HOLDER	(DMASHM_KIND_MASK | (DMASHM_ID_MAX << DMASHM_ID_SHIFT))

static inline bool is_free(uint32_t value)
{
	return (value & DMASHM_KIND_MASK) == DMASHM_KIND_FREE;
}

static inline bool is_mine(uint32_t value, uint32_t me)
{
	return (value & HOLDER) == me;
}

static inline uint32_t *barrier_word(const struct dmashm_buffer *buf)
{
	return dmashm_word(buf, DMASHM_OFF_BARRIER);
}

static inline uint32_t peek(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/*
 * Pairs with the release of whoever unlocked before: change_release() here and
 * in other processes, or the kernel's.
 */
static inline bool change_acquire(uint32_t *word, uint32_t *old, uint32_t new)
{
	return __atomic_compare_exchange_n(word, old, new, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/*
 * Pairs with the acquire of whoever locks next: change_acquire() here and in
 * other processes, or the kernel's.
 */
static inline bool change_release(uint32_t *word, uint32_t *old, uint32_t new)
{
	return __atomic_compare_exchange_n(word, old, new, false,
					   __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/* For a change of the marks, which orders nothing. */
static inline bool change_relaxed(uint32_t *word, uint32_t *old, uint32_t new)
{
	return __atomic_compare_exchange_n(word, old, new, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* The holder may be about to leave; sleeping costs more than a short look. */
static void spin(const struct dmashm_buffer *buf)
{
	const uint32_t *word = barrier_word(buf);
	unsigned int n;

	for (n = 0; n < buf->spins && !is_free(peek(word)); n++)
		relax();
}

/* Take a free word; @mine may bring WAITERS along. */
static int take(uint32_t *word, uint32_t mine)
{
	uint32_t old = peek(word);
	int n;

	for (n = 0; n < RETRIES && is_free(old); n++) {
		uint32_t new = mine | (old & (DMASHM_DIED | DMASHM_WAITERS));

		if (change_acquire(word, &old, new))
			return old & DMASHM_DIED ? -EOWNERDEAD : 0;
	}
	return -EBUSY;
}

/*
 * Have the holder wake somebody when it unlocks. @held is then what the word
 * was; false if it is not held any more, or never keeps still.
 */
static bool ask_for_wake(uint32_t *word, uint32_t *held)
{
	uint32_t old = peek(word);
	int n;

	for (n = 0; n < RETRIES && !is_free(old); n++) {
		*held = old | DMASHM_WAITERS;
		if (*held == old || change_relaxed(word, &old, *held))
			return true;
	}
	return false;
}

/*
 * Not restarted after a signal: the barrier may be free by now. -EAGAIN stands
 * for a word that changed before, and for a dead holder's that was freed.
 */
static int wait_while(const struct dmashm_buffer *buf, uint32_t held,
		      uint64_t deadline)
{
	struct dmashm_wait arg = {
		.offset = DMASHM_OFF_BARRIER,
		.expected = held,
		.deadline = deadline,
	};

	return dmashm_ioctl_once(buf->member_fd, DMASHM_IOC_WAIT, &arg);
}

/* Is there a reason to give up? 0 if there is none. */
static int judge(int err, uint64_t deadline)
{
	if (err && err != -EAGAIN && err != -EINTR)
		return err;
	/* Whoever keeps changing or waking the word does not stop the clock. */
	return dmashm_passed(deadline) ? -ETIMEDOUT : 0;
}

/* See "No wake-up is lost" for the order of the steps. */
static int lock_waiting(struct dmashm_buffer *buf, uint64_t deadline)
{
	uint32_t *word = barrier_word(buf);
	uint32_t mine = dmashm_held(buf);
	uint32_t held = 0;
	int err, reason = 0;
	bool asked;

	for (;;) {
		err = take(word, mine);
		if (err != -EBUSY)
			return err;
		asked = ask_for_wake(word, &held);
		if (reason)
			break;
		err = -EAGAIN;
		if (asked) {
			err = wait_while(buf, held, deadline);
			mine |= DMASHM_WAITERS;
		}
		reason = judge(err, deadline);
	}
	if (!asked)
		dmashm_wake_word(buf, DMASHM_OFF_BARRIER, 1);
	return reason;
}

static SLOW_PATH int lock_slowly(struct dmashm_buffer *buf, uint64_t deadline)
{
	int err;

	err = dmashm_enter(buf);
	if (err)
		return err;
	spin(buf);
	return lock_waiting(buf, deadline);
}

/* One compare-and-exchange where nobody holds, wants or left a mark on it. */
static inline bool lock_fast(const struct dmashm_buffer *buf)
{
	uint32_t me = dmashm_held(buf);
	uint32_t old = 0;

	return me && change_acquire(barrier_word(buf), &old, me);
}

int dmashm_timedlock(struct dmashm_buffer *buf, uint64_t deadline)
{
	return lock_fast(buf) ? 0 : lock_slowly(buf, deadline);
}

int dmashm_lock(struct dmashm_buffer *buf)
{
	return dmashm_timedlock(buf, DMASHM_NEVER);
}

int dmashm_trylock(struct dmashm_buffer *buf)
{
	int err;

	err = dmashm_enter(buf);
	return err ? err : take(barrier_word(buf), dmashm_held(buf));
}

/* Does the word say that this process holds the barrier? */
bool dmashm_holds(const struct dmashm_buffer *buf)
{
	uint32_t me = dmashm_held(buf);

	return me && is_mine(peek(barrier_word(buf)), me);
}

/* Free a word that bears @me; @mark is 0, or DIED to leave that behind. */
static SLOW_PATH int give_back(const struct dmashm_buffer *buf, uint32_t me,
			       uint32_t mark)
{
	uint32_t *word = barrier_word(buf);
	uint32_t old = peek(word);
	int n;

	for (n = 0; n < RETRIES; n++) {
		if (!is_mine(old, me))
			return -EPERM;
		if (!change_release(word, &old, (old & DMASHM_DIED) | mark))
			continue;
		if (old & DMASHM_WAITERS)
			dmashm_wake_word(buf, DMASHM_OFF_BARRIER, 1);
		return 0;
	}
	return -EPROTO;
}

int dmashm_unlock(struct dmashm_buffer *buf)
{
	uint32_t me = dmashm_held(buf);
	uint32_t old = me;

	if (!me)
		return -EPERM;
	if (change_release(barrier_word(buf), &old, 0))
		return 0;
	return give_back(buf, me, 0);
}

/* What the kernel would do if this process died now. */
void dmashm_forsake(struct dmashm_buffer *buf)
{
	(void)give_back(buf, dmashm_held(buf), DMASHM_DIED);
}

int dmashm_recover(struct dmashm_buffer *buf)
{
	uint32_t me = dmashm_held(buf);
	uint32_t *word, old;
	int n;

	if (!me)
		return -EPERM;
	word = barrier_word(buf);
	old = peek(word);
	for (n = 0; n < RETRIES; n++) {
		if (!is_mine(old, me))
			return -EPERM;
		/* The unlock that follows publishes the repaired data. */
		if (change_relaxed(word, &old, old & ~DMASHM_DIED))
			return 0;
	}
	return -EPROTO;
}
