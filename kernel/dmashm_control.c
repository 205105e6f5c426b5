// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control pages stay out of the dma-buf: DMA_BUF_IOCTL_SYNC on a bounced
 * or non-coherent mapping copies whole pages back and forth, and would put an
 * old value into a lock word that lay among the data.
 */
#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/mm.h>

#include "dmashm_compat.h"
#include "dmashm_control.h"
#include "dmashm_gfp.h"

/* Page offsets of the two mappings, as the UAPI header states them. */
enum { CONTROL_FACTS, CONTROL_WORDS };

/**
 * dmashm_control_init() - allocate both pages, zeroed
 * @control: to be filled in
 *
 * The pages are charged to the caller's memory cgroup.
 *
 * Return: 0 or -ENOMEM.
 */
int dmashm_control_init(struct dmashm_control *control)
{
	const gfp_t gfp = DMASHM_GFP | __GFP_ZERO;

	BUILD_BUG_ON(sizeof(struct dmashm_facts) != 128);
	BUILD_BUG_ON(offsetof(struct dmashm_facts, attachments) != 64);
	BUILD_BUG_ON(DMASHM_WORDS_SIZE > PAGE_SIZE);
	BUILD_BUG_ON(DMASHM_OFF_SLOT(DMASHM_CAPACITY) != DMASHM_WORDS_SIZE);

	control->facts_page = alloc_page(gfp);
	if (!control->facts_page)
		return -ENOMEM;
	control->words_page = alloc_page(gfp);
	if (!control->words_page) {
		__free_page(control->facts_page);
		return -ENOMEM;
	}
	control->facts = page_address(control->facts_page);
	control->words = page_address(control->words_page);
	return 0;
}

/**
 * dmashm_control_exit() - let go of both pages
 * @control: what dmashm_control_init() filled in
 *
 * Somebody may still hold a reference to a page: it is freed with the last.
 */
void dmashm_control_exit(struct dmashm_control *control)
{
	put_page(control->words_page);
	put_page(control->facts_page);
}

/**
 * dmashm_control_mmap() - check and set up a mapping of one control page
 * @control: whose pages
 * @vma:     the mapping; the caller sets vm_ops
 *
 * Return: 0, -EINVAL or -EACCES as the UAPI header states.
 */
int dmashm_control_mmap(struct dmashm_control *control,
			struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma_pages(vma) != 1 || vma->vm_pgoff > CONTROL_WORDS)
		return -EINVAL;
	if (vma->vm_pgoff == CONTROL_FACTS) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		/* mprotect must not get around it either. */
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	/*
	 * VM_DONTCOPY: a member belongs to one process; a child joins itself.
	 * Who takes that off (MADV_DOFORK) shares the words with his child: no
	 * more than he could do by handing over what he has.
	 */
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY);
	return 0;
}

/**
 * dmashm_control_fault() - fault in one control page
 * @control: whose pages
 * @vmf:     the fault
 *
 * Return: as the core wants it.
 */
vm_fault_t dmashm_control_fault(struct dmashm_control *control,
				struct vm_fault *vmf)
{
	switch (vmf->pgoff) {
	case CONTROL_FACTS:
		vmf->page = control->facts_page;
		break;
	case CONTROL_WORDS:
		vmf->page = control->words_page;
		break;
	default:
		return VM_FAULT_SIGBUS;
	}
	get_page(vmf->page);
	return 0;
}
