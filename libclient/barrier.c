// SPDX-License-Identifier: MIT
/*
 * The barrier taken exclusively, by the protocol of linux/dmashm.h. What has to
 * sleep, or to wake sleepers, is done in the kernel; what is here are single
 * atomic steps, each of which leaves the barrier good if the process dies after
 * it. Their names in the model (model/barrier.pml) are in the comments.
 *
 * Every member can write to the words, by mistake or by malice. What is lost
 * then is the exclusion, never this process: no loop here depends on others
 * keeping to the protocol.
 */
#include "private.h"

/* More changes than members that keep to the protocol can make meanwhile. */
#define RETRIES	64

/* The part of the word that says who holds it. */
#define HOLDER	(DMASHM_KIND_MASK | (DMASHM_ID_MAX << DMASHM_ID_SHIFT))

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
 * X1. Acquire: pairs with the release of whoever unlocked before,
 * change_release() here and in other processes, or the kernel's. Sequentially
 * consistent with the look at the readers that follows: pairs with
 * enter_shared() in reader.c and dmashm_reader_enter() in the kernel.
 */
static inline bool change_acquire(uint32_t *word, uint32_t *old, uint32_t new)
{
	return __atomic_compare_exchange_n(word, old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/*
 * U1. Pairs with the acquire of whoever locks next: change_acquire() or
 * enter_shared() here and in other processes, or the kernel's.
 */
static inline bool change_release(uint32_t *word, uint32_t *old, uint32_t new)
{
	return __atomic_compare_exchange_n(word, old, new, false,
					   __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/* Deadlines are absolute, so that a call that a signal ended is made again. */
int dmashm_lock_in_kernel(struct dmashm_buffer *buf, uint32_t flags,
			  uint64_t deadline)
{
	struct dmashm_lock arg = { .deadline = deadline, .flags = flags };

	return dmashm_ioctl(buf->member_fd, DMASHM_IOC_LOCK, &arg);
}

int dmashm_unlock_in_kernel(const struct dmashm_buffer *buf, uint32_t flags)
{
	struct dmashm_unlock arg = { .flags = flags };

	return dmashm_ioctl(buf->member_fd, DMASHM_IOC_UNLOCK, &arg);
}

/* Take the word if it is open; readers may be in. What it was is in *@old. */
static bool take_word(uint32_t *word, uint32_t me, uint32_t *old)
{
	int n;

	*old = peek(word);
	for (n = 0; n < RETRIES && dmashm_is_open(*old); n++)
		if (change_acquire(word, old,
				   me | (*old & (DMASHM_DIED | DMASHM_WAITERS))))
			return true;
	return false;
}

/* Free a word that bears the own id. */
static SLOW_PATH int give_back(const struct dmashm_buffer *buf)
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
		if (old & (DMASHM_WAITERS | DMASHM_TURN))
			return dmashm_unlock_in_kernel(buf, 0);
		if (change_release(word, &old, old & DMASHM_DIED))
			return 0;
	}
	return -EPROTO;
}

/* Spin until the word is had, then until the readers are out. */
static bool lock_spinning(struct dmashm_buffer *buf, bool taken, uint32_t *old)
{
	uint32_t *word = barrier_word(buf);
	uint32_t me = dmashm_held(buf);
	uint32_t budget = dmashm_spin_budget(buf), n;
	uint64_t out = 0;

	for (n = 0;; n++) {
		taken = taken || take_word(word, me, old);
		if (taken && !dmashm_readers(dmashm_self(buf)->words, &out))
			break;
		if (n == budget) {
			dmashm_spin_learn(buf, n, false);
			if (taken)
				give_back(buf);
			return false;
		}
		dmashm_relax();
	}
	if (n)
		dmashm_spin_learn(buf, n, true);
	return true;
}

/* @taken: the word, which was 0, is ours; the readers are still to be seen to. */
static SLOW_PATH int lock_slowly(struct dmashm_buffer *buf, uint64_t deadline,
				 bool taken)
{
	uint32_t old = 0;
	int err;

	err = dmashm_enter(buf);
	if (err)
		return err;
	if (lock_spinning(buf, taken, &old))
		return dmashm_locked(old);
	return dmashm_lock_in_kernel(buf, 0, deadline);
}

/* Most of those who have read at some time do not read now. */
static __attribute__((noinline)) int lock_past_readers(struct dmashm_buffer *buf,
						       uint64_t deadline)
{
	uint64_t out = 0;

	if (!dmashm_readers(dmashm_self(buf)->words, &out))
		return 0;
	return lock_slowly(buf, deadline, true);
}

/*
 * Nothing is fetched twice: the compiler may not keep what it read before an
 * acquire.
 */
static inline int lock(struct dmashm_buffer *buf, uint64_t deadline)
{
	const struct dmashm_self *self = dmashm_self(buf);
	/* Pairs with the release in dmashm_member_publish(). */
	uint32_t me = __atomic_load_n(&self->held, __ATOMIC_ACQUIRE);
	uint32_t *words = self->words;
	uint32_t old = 0;

	if (!me || !change_acquire(words + DMASHM_OFF_BARRIER / sizeof(*words), &old, me))
		return lock_slowly(buf, deadline, false);
	return dmashm_readers_map(words) ? lock_past_readers(buf, deadline) : 0;
}

int dmashm_timedlock(struct dmashm_buffer *buf, uint64_t deadline)
{
	return lock(buf, deadline);
}

int dmashm_lock(struct dmashm_buffer *buf)
{
	return lock(buf, DMASHM_NEVER);
}

int dmashm_trylock(struct dmashm_buffer *buf)
{
	uint64_t out = 0;
	uint32_t old;
	int err;

	err = dmashm_enter(buf);
	if (err)
		return err;
	if (!take_word(barrier_word(buf), dmashm_held(buf), &old))
		return -EBUSY;
	if (!dmashm_readers(dmashm_self(buf)->words, &out))
		return dmashm_locked(old);
	give_back(buf);
	if (!dmashm_kernel_reads(dmashm_readers_map(dmashm_self(buf)->words)))
		return -EBUSY;
	/* It may be a viewer, from whom only the kernel can take it back. */
	return dmashm_lock_in_kernel(buf, DMASHM_LOCK_TRY, 0);
}

/* Does the word say that this process holds the barrier? */
bool dmashm_holds(const struct dmashm_buffer *buf)
{
	uint32_t me = dmashm_held(buf);

	return me && is_mine(peek(barrier_word(buf)), me);
}

int dmashm_unlock(struct dmashm_buffer *buf)
{
	const struct dmashm_self *self = dmashm_self(buf);
	/* Pairs with the release in dmashm_member_publish(). */
	uint32_t old = __atomic_load_n(&self->held, __ATOMIC_ACQUIRE);
	uint32_t *words = self->words;

	if (old && change_release(words + DMASHM_OFF_BARRIER / sizeof(*words), &old, 0))
		return 0;
	return give_back(buf);
}

/* Change the marks of a word that bears the own id; that orders nothing. */
static int change_marks(const struct dmashm_buffer *buf, uint32_t clear,
			uint32_t set)
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
		if (__atomic_compare_exchange_n(word, &old, (old & ~clear) | set,
						false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return 0;
	}
	return -EPROTO;
}

int dmashm_recover(struct dmashm_buffer *buf)
{
	/* The unlock that follows publishes the repaired data. */
	return change_marks(buf, DMASHM_DIED, 0);
}

/* What the kernel would do if this process died now. */
void dmashm_forsake(struct dmashm_buffer *buf)
{
	if (!change_marks(buf, 0, DMASHM_DIED))
		(void)dmashm_unlock(buf);
}
