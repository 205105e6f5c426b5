// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writers are counted, whoever could write and however he got there, so that
 * the data can be sealed, as F_SEAL_FUTURE_WRITE and F_SEAL_WRITE of fcntl(2) in
 * one: who has the buffer may rely on its data not to change any more.
 *
 * That concerns the data. The barrier's words go on as before.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "dmashm_buffer.h"
#include "dmashm_compat.h"
#include "dmashm_writer.h"

/* How often the pages are looked at, for 1, 2, 4 ... ms in between. */
#define SEAL_LOOKS 7

/**
 * dmashm_writers_init() - of data that may be written
 * @writers: to be filled in
 */
void dmashm_writers_init(struct dmashm_writers *writers)
{
	atomic_set(&writers->count, 0);
	mutex_init(&writers->sealing);
	writers->sealed = false;
}

/**
 * dmashm_writers_exit() - the buffer goes
 * @writers: its own
 */
void dmashm_writers_exit(struct dmashm_writers *writers)
{
	WARN_ON(atomic_read(&writers->count) > 0);
	mutex_destroy(&writers->sealing);
}

/**
 * dmashm_writer_add() - be one who could write
 * @writers: the buffer's
 *
 * Waits for who tries to seal: to be refused is for good, be it a mapping or an
 * attachment, and the attempt may fail yet.
 *
 * Context: process, may sleep.
 * Return: 0, for dmashm_writer_remove(); -EPERM the data is sealed; -EINTR the
 * caller has been killed.
 */
int dmashm_writer_add(struct dmashm_writers *writers)
{
	bool added = atomic_inc_unless_negative(&writers->count);

	if (!added && !READ_ONCE(writers->sealed)) {
		if (mutex_lock_killable(&writers->sealing))
			return -EINTR;
		added = atomic_inc_unless_negative(&writers->count);
		mutex_unlock(&writers->sealing);
	}
	return added ? 0 : -EPERM;
}

/**
 * dmashm_writer_copy() - one who could write becomes two
 * @writers: the buffer's
 *
 * Context: any.
 */
void dmashm_writer_copy(struct dmashm_writers *writers)
{
	atomic_inc(&writers->count);
}

/**
 * dmashm_writer_remove() - undo one dmashm_writer_add()
 * @writers: the buffer's
 *
 * Context: any.
 */
void dmashm_writer_remove(struct dmashm_writers *writers)
{
	atomic_dec(&writers->count);
}

/*
 * Mappings of views come and go meanwhile. A mapping takes its reference before
 * it counts, and drops it last; so one that is seen counted and not referenced
 * (which would hide somebody who holds the page) has gone in between, and the
 * count will have changed.
 */
static bool seal_folio_is_pinned(struct folio *folio)
{
	int mapped = dmashm_folio_mapcount(folio), refs;

	smp_rmb();	/* the count before the references */
	refs = folio_ref_count(folio);
	smp_rmb();	/* and again after them */
	return refs != 1 + mapped || mapped != dmashm_folio_mapcount(folio);
}

/*
 * Does anybody hold a page besides us and the page tables? Direct I/O, io_uring
 * and the like may write to it, though the mapping through which they took it
 * is gone. Those who only read (a pipe) cannot be told from them.
 */
static bool seal_is_pinned(const struct dmashm_buffer *buffer)
{
	unsigned long i = 0;

	while (i < buffer->nr_pages) {
		struct folio *folio = page_folio(buffer->pages[i]);

		if (seal_folio_is_pinned(folio))
			return true;
		i += folio_nr_pages(folio);
		cond_resched();
	}
	return false;
}

/* A fault or an unmapping holds pages too, for a moment. */
static int seal_await_unpinned(const struct dmashm_buffer *buffer)
{
	unsigned int n;

	for (n = 0; seal_is_pinned(buffer); n++) {
		if (n == SEAL_LOOKS)
			return -EBUSY;
		if (msleep_interruptible(1u << n))
			return -EINTR;
	}
	return 0;
}

/**
 * dmashm_writers_seal() - have nobody write to the data any more
 * @buffer: whose data
 *
 * While it tries, those who want to write wait.
 *
 * Context: process, may sleep for some 130 ms.
 * Return: 0, also if it was closed before; -EBUSY somebody could write, or tries
 * to seal, too; -EINTR a signal. Nothing has changed then.
 */
int dmashm_writers_seal(struct dmashm_buffer *buffer)
{
	struct dmashm_writers *writers = &buffer->writers;
	int old, ret = 0;

	/* One at a time: who waits to write waits for one attempt, not for many. */
	if (!mutex_trylock(&writers->sealing))
		return -EBUSY;
	old = atomic_cmpxchg(&writers->count, 0, INT_MIN);
	if (old > 0)
		ret = -EBUSY;
	else if (!old)
		ret = seal_await_unpinned(buffer);
	if (!old && ret)
		atomic_set(&writers->count, 0);
	else if (!old)
		WRITE_ONCE(writers->sealed, true);
	mutex_unlock(&writers->sealing);
	return ret;
}
