/* SPDX-License-Identifier: GPL-2.0-only */
/* A buffer: pages, control pages, the devices that have them, the members. */
#ifndef DMASHM_BUFFER_H
#define DMASHM_BUFFER_H

#include <linux/atomic.h>
#include <linux/container_of.h>
#include <linux/dma-direction.h>
#include <linux/dma-resv.h>
#include <linux/dmashm.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "dmashm_barrier.h"
#include "dmashm_control.h"
#include "dmashm_range.h"
#include "dmashm_writer.h"

struct dmashm_lease;

/*
 * Lock order, outermost first:
 *
 *   mmap_lock or a dma_resv lock, as the core holds them
 *     dmashm_writers.sealing	nothing else is taken under it
 *     dmashm_buffer.vmap_lock
 *     dmashm_buffer.lock	nothing is allocated under it: an importer may
 *				unmap, which takes it, to reclaim memory
 *   dmashm_process.lock
 *     dmashm_barrier.lock	interrupts off
 *
 * The registry's and the quota's locks are taken alone.
 *
 * The barrier's word is no kernel lock: who holds it may sleep on any of
 * these, so nobody may wait for the word while holding one of them. Nor may
 * the signalling of a fence wait for the word.
 */
struct dmashm_buffer {
	struct kref ref;
	struct list_head registered;	/* the registry's lock */
	u64 id;				/* constant */
	size_t size;			/* constant; a multiple of PAGE_SIZE */
	unsigned long nr_pages;		/* constant */
	struct page **pages;		/* constant; nr_pages of them */
	char name[DMASHM_NAME_LEN];	/* constant; padded with NULs */
	struct pid *creator;		/* constant; a reference */
	char creator_name[TASK_COMM_LEN];	/* constant; for people only */
	struct dmashm_quota *quota;	/* constant; what it counts for */
	struct dmashm_writers writers;	/* of the data */
	struct dma_resv resv;		/* fences, of all dma-bufs over it */
	struct dmashm_control control;
	struct dmashm_barrier barrier;

	atomic_t vma_count;		/* mappings of the data by processes */

	struct mutex lock;		/* not held across fences or the word */
	struct list_head attachments;	/* lock; devices that may map */
	struct list_head mappings;	/* lock; what devices have mapped */
	struct dmashm_range writing;	/* lock; START gave it to the CPU */
	u64 writer;			/* lock; who had the barrier then */

	struct mutex vmap_lock;		/* held while the data is vmapped */
	void *vaddr;			/* vmap_lock; NULL while vmap_count is 0 */
	unsigned int vmap_count;	/* vmap_lock */
};

struct dmashm_buffer *dmashm_buffer_create(u64 size, u32 flags,
					   const char *name);

/* The order of the folio that a page of the data lies in. */
static inline unsigned int
dmashm_buffer_order(const struct dmashm_buffer *buffer, unsigned long page)
{
	return folio_order(page_folio(buffer->pages[page]));
}

/* Whose barrier it is. */
static inline const struct dmashm_buffer *
dmashm_buffer_of(const struct dmashm_barrier *barrier)
{
	return container_of(barrier, struct dmashm_buffer, barrier);
}

/* All of its data. */
static inline struct dmashm_range
dmashm_buffer_whole(const struct dmashm_buffer *buffer)
{
	return (struct dmashm_range){ 0, buffer->size };
}

static inline struct dmashm_buffer *
dmashm_buffer_ref(struct dmashm_buffer *buffer)
{
	kref_get(&buffer->ref);
	return buffer;
}

int dmashm_buffer_wait_fences(struct dmashm_buffer *buffer,
			      enum dma_data_direction dir);
int dmashm_buffer_begin_cpu(struct dmashm_buffer *buffer,
			    const struct dmashm_range *range,
			    enum dma_data_direction dir, bool nowait);
int dmashm_buffer_begin_cpu_by_lease(struct dmashm_buffer *buffer,
				     const struct dmashm_range *range,
				     struct dmashm_lease *lease);
void dmashm_buffer_read(struct dmashm_buffer *buffer, loff_t pos, void *to,
			size_t len);
void dmashm_buffer_write(struct dmashm_buffer *buffer, loff_t pos,
			 const void *from, size_t len);

#endif /* DMASHM_BUFFER_H */
