/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the supported kernels. Nothing else may. */
#ifndef DMASHM_COMPAT_H
#define DMASHM_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/coredump.h>
#include <linux/timer.h>

/*
 * MODULE_IMPORT_NS() took a token until Linux 6.13 and takes a string since.
 * This is what both make of it.
 */
#define DMASHM_IMPORT_DMA_BUF() MODULE_INFO(import_ns, "DMA_BUF")

#ifndef DMASHM_HAVE_VM_FLAGS_SET
/* Linux 6.3 put the flags behind functions that take the VMA's lock. */
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#ifdef DMASHM_HAVE_INLINE_FOLIO_MAPCOUNT
#define dmashm_folio_mapcount folio_mapcount
#else
/*
 * folio_mapcount() of Linux 6.1 is not exported. There each page counts its own
 * mappings and those of the whole folio.
 */
static inline int dmashm_folio_mapcount(struct folio *folio)
{
	long i, nr = folio_nr_pages(folio);
	int count = 0;

	for (i = 0; i < nr; i++)
		count += atomic_read(&folio_page(folio, i)->_mapcount) + 1;
	if (folio_test_large(folio))
		count -= folio_entire_mapcount(folio) * (nr - 1);
	return count;
}
#endif

/*
 * Whether the process asked for no large entries (PR_SET_THP_DISABLE). Linux
 * 6.18 made two flags of the one.
 */
static inline bool dmashm_thp_disabled(struct mm_struct *mm)
{
#ifdef MMF_DISABLE_THP
	return test_bit(MMF_DISABLE_THP, &mm->flags);
#else
	return mm_flags_test(MMF_DISABLE_THP_COMPLETELY, mm) ||
	       mm_flags_test(MMF_DISABLE_THP_EXCEPT_ADVISED, mm);
#endif
}

#ifndef DMASHM_HAVE_TIMER_DELETE_SYNC
/* The name since Linux 6.2; the old one went with 6.15. */
static inline int timer_delete_sync(struct timer_list *timer)
{
	return del_timer_sync(timer);
}
#endif

#ifndef DMASHM_HAVE_DMA_BUF_VMAP_UNLOCKED
/* Linux 6.2 moved vmap under the reservation lock, and gave this to the rest. */
static inline int dma_buf_vmap_unlocked(struct dma_buf *dmabuf,
					struct iosys_map *map)
{
	return dma_buf_vmap(dmabuf, map);
}

static inline void dma_buf_vunmap_unlocked(struct dma_buf *dmabuf,
					   struct iosys_map *map)
{
	dma_buf_vunmap(dmabuf, map);
}
#endif

#ifndef DMASHM_HAVE_COPY_SPLICE_READ
/* The name since Linux 6.5 of what splices through ->read_iter. */
#define copy_splice_read generic_file_splice_read
#endif

#endif /* DMASHM_COMPAT_H */
