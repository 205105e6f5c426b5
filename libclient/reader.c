// SPDX-License-Identifier: MIT
/*
 * The barrier taken shared: by a count in this member's own slot, a cache line
 * that other members look at only when they lock exclusively. See barrier.c for
 * what is common to both.
 */
#include "private.h"

/* How often to try before the kernel does it, which cannot fail. */
#define RETRIES	64

/* A count of 1 to DMASHM_SLOT_COUNT, and no DRAIN. */
static inline bool can_leave_alone(uint32_t slot)
{
	return slot - 1 < DMASHM_SLOT_COUNT;
}

/* NULL before the first time, and in a child of fork(). */
static inline uint32_t *reader_slot(const struct dmashm_buffer *buf)
{
	/* Pairs with the release in dmashm_be_looked_at(). */
	return __atomic_load_n(&dmashm_self(buf)->reader, __ATOMIC_ACQUIRE);
}

/* S_peek: what the word was a moment ago; orders nothing. */
static inline uint32_t peek(const uint32_t *words)
{
	return __atomic_load_n(words + DMASHM_OFF_BARRIER / sizeof(*words),
			       __ATOMIC_RELAXED);
}

/*
 * S1 and S2: the word as it is once this process can be seen to be in.
 * Sequentially consistent, both: pairs with change_acquire() in barrier.c and
 * barrier_claim() in the kernel, which change the word and then look here. So
 * at least one of the two sees the other. The load is also the acquire that
 * pairs with the release of who unlocked last.
 */
static inline uint32_t enter_shared(const uint32_t *words, uint32_t *slot,
				    uint32_t *before)
{
	*before = __atomic_fetch_add(slot, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(words + DMASHM_OFF_BARRIER / sizeof(*words),
			       __ATOMIC_SEQ_CST);
}

/* D1. Release: pairs with the look at this slot of who locks exclusively. */
static inline bool leave_shared(uint32_t *slot, uint32_t *old)
{
	return __atomic_compare_exchange_n(slot, old, *old - 1, false,
					   __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/*
 * Views have no slot, nor could they write to it: the kernel does it all. A
 * child of fork() that never joined holds nothing.
 */
static int unlock_view(const struct dmashm_buffer *buf)
{
	if (!buf->view || !dmashm_joined(buf))
		return -EPERM;
	return dmashm_unlock_in_kernel(buf, DMASHM_UNLOCK_SHARED);
}

static int lock_view(struct dmashm_buffer *buf, uint32_t flags, uint64_t deadline)
{
	int err = dmashm_enter_to_read(buf);

	return err ? err : dmashm_lock_in_kernel(buf, DMASHM_LOCK_SHARED | flags,
						 deadline);
}

static SLOW_PATH int leave_slowly(const struct dmashm_buffer *buf)
{
	uint32_t *slot = reader_slot(buf);
	uint32_t old;
	int n;

	if (!slot)
		return unlock_view(buf);
	old = __atomic_load_n(slot, __ATOMIC_RELAXED);
	for (n = 0; n < RETRIES && !(old & DMASHM_SLOT_DRAIN); n++) {
		if (!old)
			return -EPERM;
		if (leave_shared(slot, &old))
			return 0;
	}
	return dmashm_unlock_in_kernel(buf, DMASHM_UNLOCK_SHARED);
}

int dmashm_unlock_shared(struct dmashm_buffer *buf)
{
	uint32_t *slot = reader_slot(buf);
	uint32_t old;

	if (!slot)
		return leave_slowly(buf);
	old = __atomic_load_n(slot, __ATOMIC_RELAXED);
	if (can_leave_alone(old) && leave_shared(slot, &old))
		return 0;
	return leave_slowly(buf);
}

/* Which slot is this process's. */
uint32_t dmashm_slot_number(const struct dmashm_buffer *buf)
{
	return (uint32_t)(dmashm_self(buf)->slot - dmashm_word(buf, DMASHM_OFF_SLOTS)) /
	       (DMASHM_SLOT_SIZE / sizeof(uint32_t));
}

/*
 * Have this process's slot looked at from now on. Sequentially consistent: who
 * locks exclusively and does not see the bit has changed the word before, and
 * enter_shared() sees that. A queue's producer looks at the same map, for
 * consumers: see producer.c.
 */
void dmashm_be_looked_at(struct dmashm_buffer *buf)
{
	struct dmashm_self *self = dmashm_self(buf);
	uint32_t n = dmashm_slot_number(buf);

	__atomic_fetch_or(dmashm_word(buf, DMASHM_OFF_READERS) + n / 32,
			  UINT32_C(1) << n % 32, __ATOMIC_SEQ_CST);
	__atomic_store_n(&self->reader, self->slot, __ATOMIC_RELEASE);
}

/*
 * One attempt: held if 0 or -EOWNERDEAD. It peeks first: who came in for a moment
 * again and again would keep a writer waiting who is there already.
 */
static int try_shared(struct dmashm_buffer *buf)
{
	uint32_t before, word;

	if (!dmashm_is_open(peek(dmashm_self(buf)->words)))
		return -EBUSY;
	word = enter_shared(dmashm_self(buf)->words, reader_slot(buf), &before);
	if ((before & DMASHM_SLOT_COUNT) >= DMASHM_SHARED_MAX) {
		leave_slowly(buf);
		return -EOVERFLOW;
	}
	if (dmashm_is_open(word))
		return dmashm_locked(word);
	leave_slowly(buf);
	return -EBUSY;
}

static int spin_shared(struct dmashm_buffer *buf)
{
	uint32_t budget = dmashm_spin_budget(buf), n;
	int err;

	for (n = 0; (err = try_shared(buf)) == -EBUSY; n++) {
		if (n == budget) {
			dmashm_spin_learn(buf, n, false);
			return err;
		}
		dmashm_relax();
	}
	if (n)
		dmashm_spin_learn(buf, n, true);
	return err;
}

/* What both kinds of locking begin with where the fast path did not do. */
static int prepare_shared(struct dmashm_buffer *buf)
{
	int err;

	err = dmashm_enter(buf);
	if (!err && !reader_slot(buf))
		dmashm_be_looked_at(buf);
	return err;
}

static SLOW_PATH int lock_shared_slowly(struct dmashm_buffer *buf,
					uint64_t deadline)
{
	int err;

	if (buf->view)
		return lock_view(buf, 0, deadline);
	err = prepare_shared(buf);
	if (err)
		return err;
	err = spin_shared(buf);
	if (err != -EBUSY)
		return err;
	return dmashm_lock_in_kernel(buf, DMASHM_LOCK_SHARED, deadline);
}

/* As try_shared(), where nobody holds, wants or left a mark on it. */
static inline int lock_shared(struct dmashm_buffer *buf, uint64_t deadline)
{
	const struct dmashm_self *self = dmashm_self(buf);
	/* Pairs with the release in dmashm_be_looked_at(). */
	uint32_t *slot = __atomic_load_n(&self->reader, __ATOMIC_ACQUIRE);
	const uint32_t *words = self->words;
	uint32_t before;

	if (!slot || peek(words))
		return lock_shared_slowly(buf, deadline);
	if (!enter_shared(words, slot, &before) && before < DMASHM_SHARED_MAX)
		return 0;
	leave_slowly(buf);
	return lock_shared_slowly(buf, deadline);
}

int dmashm_timedlock_shared(struct dmashm_buffer *buf, uint64_t deadline)
{
	return lock_shared(buf, deadline);
}

int dmashm_lock_shared(struct dmashm_buffer *buf)
{
	return lock_shared(buf, DMASHM_NEVER);
}

int dmashm_trylock_shared(struct dmashm_buffer *buf)
{
	int err;

	if (buf->view)
		return lock_view(buf, DMASHM_LOCK_TRY, 0);
	err = prepare_shared(buf);
	return err ? err : try_shared(buf);
}

/*
 * X3: is anybody in? To be asked by who has the word, so that each slot needs to
 * be seen empty but once: what comes after that steps back. @out, 0 at first,
 * has a bit for each that was.
 */
bool dmashm_readers(const uint32_t *words, uint64_t *out)
{
	const uint32_t *slots = words + DMASHM_OFF_SLOTS / sizeof(*words);
	uint64_t map = dmashm_readers_map(words);
	uint64_t left = map & ~*out & DMASHM_SLOT_BITS;

	if (dmashm_kernel_reads(map))
		return true;
	for (; left; left &= left - 1) {
		const uint32_t *slot = slots + (unsigned int)__builtin_ctzll(left) *
					       (DMASHM_SLOT_SIZE / sizeof(*slots));

		if (__atomic_load_n(slot, __ATOMIC_SEQ_CST) & DMASHM_SLOT_COUNT)
			return true;
		*out |= left & -left;
	}
	return false;
}

/* Is this process in, shared? With a view, that is for the kernel to say. */
bool dmashm_reads(const struct dmashm_buffer *buf)
{
	const uint32_t *slot = reader_slot(buf);

	if (buf->view)
		return dmashm_joined(buf);
	return slot && __atomic_load_n(slot, __ATOMIC_RELAXED) & DMASHM_SLOT_COUNT;
}

/* All threads come out, as if the process died now. */
void dmashm_forsake_shared(struct dmashm_buffer *buf)
{
	uint32_t *slot = reader_slot(buf);
	uint32_t old;
	int n;

	if (!slot)
		return;
	old = __atomic_load_n(slot, __ATOMIC_RELAXED);
	for (n = 0; n < RETRIES && old & DMASHM_SLOT_COUNT; n++) {
		/* The last one out asks the kernel, if somebody sleeps on it. */
		if (__atomic_compare_exchange_n(slot, &old,
						(old & DMASHM_SLOT_DRAIN) | 1,
						false, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED)) {
			(void)leave_slowly(buf);
			return;
		}
	}
}
