// SPDX-License-Identifier: MIT
/* Brackets of CPU access: the barrier outside, the cache inside. */
#include "private.h"

#include <linux/dma-buf.h>
#include <time.h>

#define ACCESS	(DMASHM_READ | DMASHM_WRITE)

/*
 * The direction of DMA_BUF_IOCTL_SYNC. Writing counts as reading too: what is
 * written back at the end are whole pages or cache lines, so what a device
 * wrote beside the bytes in question has to be fetched first, or the end would
 * put something older over it.
 */
static int direction(unsigned int access, uint64_t *flags)
{
	if (!(access & ACCESS) || access & ~(ACCESS | DMASHM_SYNC))
		return -EINVAL;
	*flags = access & DMASHM_WRITE ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ;
	return 0;
}

/*
 * Is there a device for which the caches have to be seen to? Without one both
 * ioctls are left out; whether a bracket began with the first or not does not
 * matter to its end.
 *
 * When it begins: acquire, pairs with the release in the kernel's
 * dmashm_attachment_remove(). A count of 0 means that what the last device
 * wrote has been handed back by its unmapping. A device that is attached from
 * now on is given the data as it is when it maps.
 *
 * When it ends: a full fence before, by the caller, pairs with the one in
 * dmashm_attachment_add(), which stands between raising the count and mapping.
 * So either the count is seen here, and the end is synchronised; or what was
 * written in the bracket is seen by the mapping, which hands all of it over.
 */
static bool must_sync(const struct dmashm_buffer *buf, unsigned int access)
{
	return access & DMASHM_SYNC || dmashm_attached(buf);
}

/* The bytes that a bracket is about. */
struct span {
	size_t offset;
	size_t length;
};

static struct span whole(const struct dmashm_buffer *buf)
{
	return (struct span){ 0, buf->size };
}

/* For the whole there is the call that every dma-buf has. */
static int sync_once(const struct dmashm_buffer *buf, struct span span,
		     uint64_t flags)
{
	struct dma_buf_sync all = { .flags = flags };
	struct dmashm_sync part = {
		.flags = flags,
		.offset = span.offset,
		.length = span.length,
	};

	if (span.length == buf->size)
		return dmashm_ioctl(buf->dmabuf_fd, DMA_BUF_IOCTL_SYNC, &all);
	return dmashm_ioctl(buf->member_fd, DMASHM_IOC_SYNC, &part);
}

/* The dma-buf core asks for both -EINTR and -EAGAIN to be tried again. */
static SLOW_PATH int sync_cpu(const struct dmashm_buffer *buf, struct span span,
			      uint64_t flags)
{
	int err;

	do {
		err = sync_once(buf, span, flags);
	} while (err == -EAGAIN);
	return err;
}

static uint32_t *writes_word(const struct dmashm_buffer *buf)
{
	return dmashm_self(buf)->slot + DMASHM_SLOT_WRITES / sizeof(uint32_t);
}

/*
 * Who writes excludes all, who reads only those who write. The kernel is told
 * who writes, so that a device which is gone before the bracket ends does not
 * undo it. A full fence, before must_sync() looks: pairs with the one in
 * dmashm_attachment_add(), after which the device maps, and dmashm_barrier_turn()
 * looks at this word. So either the device is seen here, or this is seen there.
 */
static int lock(struct dmashm_buffer *buf, unsigned int access, uint64_t deadline)
{
	uint32_t *word;
	int held;

	if (!(access & DMASHM_WRITE))
		return dmashm_timedlock_shared(buf, deadline);
	held = dmashm_timedlock(buf, deadline);
	if (held && held != -EOWNERDEAD)
		return held;
	/* Nobody else writes it. Odd, and not as in the bracket before. */
	word = writes_word(buf);
	__atomic_store_n(word, (__atomic_load_n(word, __ATOMIC_RELAXED) + 2) | 1,
			 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return held;
}

static int unlock(struct dmashm_buffer *buf, unsigned int access)
{
	uint32_t *word;

	if (!(access & DMASHM_WRITE))
		return dmashm_unlock_shared(buf);
	/* Seen by the next one, whoever it is: what unlocks is a release. */
	word = writes_word(buf);
	__atomic_store_n(word, (__atomic_load_n(word, __ATOMIC_RELAXED) + 1) & ~1u,
			 __ATOMIC_RELAXED);
	return dmashm_unlock(buf);
}

static bool holds(const struct dmashm_buffer *buf, unsigned int access)
{
	return access & DMASHM_WRITE ? dmashm_holds(buf) : dmashm_reads(buf);
}

static inline int begin(struct dmashm_buffer *buf, unsigned int access,
			struct span span, uint64_t deadline)
{
	uint64_t flags;
	int held, err;

	err = direction(access, &flags);
	if (err)
		return err;
	held = lock(buf, access, deadline);
	if (held && held != -EOWNERDEAD)
		return held;
	if (!must_sync(buf, access))
		return held;
	err = sync_cpu(buf, span, DMA_BUF_SYNC_START | flags);
	if (err) {
		unlock(buf, access);
		return err;
	}
	return held;
}

static inline int end(struct dmashm_buffer *buf, unsigned int access,
		      struct span span)
{
	uint64_t flags;
	int err, unlocked;

	err = direction(access, &flags);
	if (err)
		return err;
	/* An END inside somebody else's bracket could write old data back. */
	if (!holds(buf, access))
		return -EPERM;
	/* Pairs with the one in dmashm_attachment_add(): see must_sync(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!must_sync(buf, access))
		return unlock(buf, access);
	err = sync_cpu(buf, span, DMA_BUF_SYNC_END | flags);
	unlocked = unlock(buf, access);
	return err ? err : unlocked;
}

int dmashm_begin(struct dmashm_buffer *buf, unsigned int access,
		 uint64_t deadline)
{
	return begin(buf, access, whole(buf), deadline);
}

int dmashm_end(struct dmashm_buffer *buf, unsigned int access)
{
	return end(buf, access, whole(buf));
}

static bool is_within(const struct dmashm_buffer *buf, struct span span)
{
	return span.length && span.offset < buf->size &&
	       span.length <= buf->size - span.offset;
}

int dmashm_begin_range(struct dmashm_buffer *buf, unsigned int access,
		       size_t offset, size_t length, uint64_t deadline)
{
	struct span span = { offset, length };

	return is_within(buf, span) ? begin(buf, access, span, deadline) :
				      -EINVAL;
}

int dmashm_end_range(struct dmashm_buffer *buf, unsigned int access,
		     size_t offset, size_t length)
{
	struct span span = { offset, length };

	return is_within(buf, span) ? end(buf, access, span) : -EINVAL;
}

/* Sleeps rather than yields: those in the queue may be of lower priority. */
static void rest(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	(void)nanosleep(&moment, NULL);
}

/* The barrier alone where @access is 0, else all of a bracket. */
static int open_once(struct dmashm_buffer *buf, unsigned int access)
{
	return access ? dmashm_begin(buf, access, DMASHM_NEVER) : dmashm_lock(buf);
}

/*
 * Where too many queue for it, who had it before still gets it: he could not
 * tell -EUSERS from that of the sleep.
 */
static int open_again(struct dmashm_buffer *buf, unsigned int access)
{
	int err;

	while ((err = open_once(buf, access)) == -EUSERS)
		rest();
	return err;
}

int dmashm_cond_wait(struct dmashm_buffer *buf, unsigned int access,
		     unsigned int n, uint32_t expected, uint64_t deadline)
{
	struct dmashm_wait arg = {
		.expected = expected,
		.deadline = deadline,
		.flags = DMASHM_WAIT_DEPARTURES,
	};
	int waited, opened;

	if (n >= DMASHM_EVENT_COUNT)
		return -EINVAL;
	arg.offset = DMASHM_OFF_EVENT(n);
	/*
	 * Read while the barrier is held. Nothing is missed in between: who
	 * changes the word ends the sleep before it begins; so does who dies
	 * inside, before he could.
	 */
	arg.departures = dmashm_departures(buf);
	waited = access ? dmashm_end(buf, access) : dmashm_unlock(buf);
	if (waited)
		return waited;
	waited = dmashm_wait_word(buf, &arg);
	opened = open_again(buf, access);
	return opened ? opened : waited;
}
