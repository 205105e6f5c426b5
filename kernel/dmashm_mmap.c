// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping the data, in one of two ways, chosen for each mapping when it is made.
 *
 * Whole: a plain VMA, and a fault handler that gives the core a page with a
 * reference. Where address and offset agree and the folio has the size of a
 * PMD, the core maps all of it by one entry; else one page.
 *
 * In batches: a VM_MIXEDMAP VMA, and a fault handler that inserts the
 * neighbours too. For folios that are small, and for addresses that are skewed
 * against the offset.
 *
 * The two never mix. A PMD entry in a VM_MIXEDMAP VMA is taken for a special
 * one when it is zapped, and its folio would leak; vm_insert_pages() into a
 * plain VMA would change the VMA's flags under a lock held for reading. Hence:
 * a VMA becomes VM_MIXEDMAP only while it cannot have a PMD entry.
 *
 * Either way the pages stay ordinary ones: direct I/O, pipes and io_uring can
 * take them, and they outlive the buffer while anybody holds one.
 */
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "dmashm_buffer.h"
#include "dmashm_compat.h"
#include "dmashm_mmap.h"
#include "dmashm_trace.h"

#define MMAP_PMD_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define MMAP_PMD_PAGES	BIT(MMAP_PMD_ORDER)

/* Pages that one fault inserts, an aligned window: never beyond a page table. */
#define MMAP_BATCH	64ul
static_assert(MMAP_PMD_PAGES % MMAP_BATCH == 0);

/*
 * What faults cost, in insertions of one page by vm_insert_pages(), as counted
 * by bench/fault: one that maps a page or inserts a batch (but for the pages in
 * it), and one that makes a PMD entry and puts a page table aside for it.
 */
#define MMAP_FAULT_COST	10ul
#define MMAP_WHOLE_COST	28ul

static bool mmap_skewed(const struct vm_area_struct *vma)
{
	return ((vma->vm_start >> PAGE_SHIFT) - vma->vm_pgoff) % MMAP_PMD_PAGES;
}

/* How many PMD entries the core can make in this mapping. */
static unsigned long mmap_whole_entries(struct dmashm_buffer *buffer,
					const struct vm_area_struct *vma)
{
	unsigned long addr = ALIGN(vma->vm_start, PMD_SIZE);
	unsigned long entries = 0;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) || mmap_skewed(vma) ||
	    dmashm_thp_disabled(vma->vm_mm))
		return 0;
	for (; addr + PMD_SIZE <= vma->vm_end; addr += PMD_SIZE) {
		unsigned long i = vma->vm_pgoff +
				  ((addr - vma->vm_start) >> PAGE_SHIFT);
		struct folio *folio = page_folio(buffer->pages[i]);

		entries += folio_order(folio) == MMAP_PMD_ORDER;
	}
	return entries;
}

/*
 * Which way costs less until each page is mapped. One fault for each PMD entry
 * and for each page that is left over; or one for each batch, and an insertion
 * for each page.
 */
static bool mmap_whole_pays(struct dmashm_buffer *buffer,
			    struct vm_area_struct *vma)
{
	unsigned long entries = mmap_whole_entries(buffer, vma);
	unsigned long pages = vma_pages(vma);
	unsigned long rest = pages - entries * MMAP_PMD_PAGES;

	return entries &&
	       entries * MMAP_WHOLE_COST + rest * MMAP_FAULT_COST <=
	       DIV_ROUND_UP(pages, MMAP_BATCH) * MMAP_FAULT_COST + pages;
}

/*
 * Maps what is not mapped yet between two addresses of a VM_MIXEDMAP VMA.
 *
 * Return: 0; -ENOMEM no page table; -EFAULT another thread's zapping took the
 * page table away, which a new fault brings back.
 */
static int mmap_insert(struct vm_area_struct *vma, unsigned long addr,
		       unsigned long end)
{
	struct dmashm_buffer *buffer = vma->vm_private_data;

	while (addr < end) {
		unsigned long i = vma->vm_pgoff +
				  ((addr - vma->vm_start) >> PAGE_SHIFT);
		unsigned long left = (end - addr) >> PAGE_SHIFT;
		int ret;

		ret = vm_insert_pages(vma, addr, &buffer->pages[i], &left);
		if (ret != -EBUSY)
			return ret;
		/* The first that is left is there already: go on behind it. */
		addr = end - ((left - 1) << PAGE_SHIFT);
	}
	return 0;
}

static vm_fault_t mmap_fault_batch(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long start = ALIGN_DOWN(vmf->address, MMAP_BATCH * PAGE_SIZE);
	unsigned long end = min(start + MMAP_BATCH * PAGE_SIZE, vma->vm_end);

	start = max(start, vma->vm_start);
	switch (mmap_insert(vma, start, end)) {
	case 0:
	case -EFAULT:	/* Zapped meanwhile: faulting again brings it back. */
		return VM_FAULT_NOPAGE;
	case -ENOMEM:
		return VM_FAULT_OOM;
	default:
		return VM_FAULT_SIGBUS;
	}
}

static vm_fault_t mmap_fault(struct vm_fault *vmf)
{
	struct dmashm_buffer *buffer = vmf->vma->vm_private_data;

	/* mremap cannot grow the mapping (VM_DONTEXPAND); check all the same. */
	if (vmf->pgoff >= buffer->nr_pages)
		return VM_FAULT_SIGBUS;
	trace_dmashm_fault(buffer, vmf);
	if (vmf->vma->vm_flags & VM_MIXEDMAP)
		return mmap_fault_batch(vmf);
	vmf->page = buffer->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

/* Could this mapping be written to, now or after an mprotect? */
static bool mmap_may_write(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_MAYWRITE;
}

/* A copy of one that there is: fork, or a part of it moved or cut off. */
static void mmap_open(struct vm_area_struct *vma)
{
	struct dmashm_buffer *buffer = vma->vm_private_data;

	atomic_inc(&buffer->vma_count);
	if (mmap_may_write(vma))
		dmashm_writer_copy(&buffer->writers);
}

static void mmap_close(struct vm_area_struct *vma)
{
	struct dmashm_buffer *buffer = vma->vm_private_data;

	atomic_dec(&buffer->vma_count);
	if (mmap_may_write(vma))
		dmashm_writer_remove(&buffer->writers);
}

/*
 * Be a writer, or have the mapping never be written to. The core has seen to
 * the mode of the file that was mapped; but an importer may hand its own
 * mapping on to us (dma_buf_mmap()), and then it was not ours.
 */
static int mmap_check_writing(struct dmashm_buffer *buffer,
			      struct vm_area_struct *vma, bool writable)
{
	int ret = -EACCES;

	if (!mmap_may_write(vma))
		return 0;
	if (writable)
		ret = dmashm_writer_add(&buffer->writers);
	if (!ret)
		return 0;
	if (vma->vm_flags & VM_WRITE)
		return ret;
	vm_flags_clear(vma, VM_MAYWRITE);
	return 0;
}

/*
 * The mapping has got another address, and its page tables moved with it. Where
 * it is skewed now they hold no PMD entry: the core moves those only between
 * addresses that agree, and drops the others. The way back is none: page tables
 * that are there already leave no room for PMD entries.
 *
 * Context: process, mmap_lock held for writing.
 */
static int mmap_mremap(struct vm_area_struct *vma)
{
	if (mmap_skewed(vma))
		vm_flags_set(vma, VM_MIXEDMAP);
	return 0;
}

static const struct vm_operations_struct mmap_vm_ops = {
	.open = mmap_open,
	.close = mmap_close,
	.fault = mmap_fault,
	.mremap = mmap_mremap,
};

/*
 * What the first fault would insert is inserted now, if it is all: a small
 * mapping never faults. Not where nothing may be accessed. If it fails, the
 * faults that come will tell.
 */
static void mmap_fill(struct vm_area_struct *vma)
{
	if (vma_pages(vma) <= MMAP_BATCH &&
	    vma->vm_flags & (VM_READ | VM_WRITE))
		mmap_insert(vma, vma->vm_start, vma->vm_end);
}

static void mmap_choose(struct dmashm_buffer *buffer,
			struct vm_area_struct *vma)
{
	if (mmap_whole_pays(buffer, vma))
		return;
	vm_flags_set(vma, VM_MIXEDMAP);
	mmap_fill(vma);
}

/**
 * dmashm_mmap() - set up a mapping of the data
 * @buffer:   the buffer; vma->vm_file is a dma-buf that holds a reference to it
 * @vma:      the mapping
 * @writable: whether that dma-buf may be written to
 *
 * Context: process, mmap_lock held for writing.
 * Return: 0; -EINVAL a private mapping, or one beyond the end; -EACCES a
 * mapping for writing where not @writable; -EPERM the same where the data is
 * sealed.
 */
int dmashm_mmap(struct dmashm_buffer *buffer, struct vm_area_struct *vma,
		bool writable)
{
	int ret;

	/* A private copy would not be what a device reads. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff >= buffer->nr_pages ||
	    vma_pages(vma) > buffer->nr_pages - vma->vm_pgoff)
		return -EINVAL;
	ret = mmap_check_writing(buffer, vma, writable);
	if (ret)
		return ret;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = buffer;
	vma->vm_ops = &mmap_vm_ops;
	atomic_inc(&buffer->vma_count);
	mmap_choose(buffer, vma);
	return 0;
}
