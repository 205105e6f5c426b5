// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping the data: a fault handler that gives the core a page with a
 * reference, and lets it do the rest. So the pages stay ordinary ones: direct
 * I/O, pipes and io_uring can take them, and they outlive the buffer while
 * anybody holds one.
 */
#include <linux/mm.h>

#include "dmashm_buffer.h"
#include "dmashm_compat.h"
#include "dmashm_mmap.h"
#include "dmashm_trace.h"

static vm_fault_t mmap_fault(struct vm_fault *vmf)
{
	struct dmashm_buffer *buffer = vmf->vma->vm_private_data;

	/* mremap cannot grow the mapping (VM_DONTEXPAND); check all the same. */
	if (vmf->pgoff >= buffer->nr_pages)
		return VM_FAULT_SIGBUS;
	/*
	 * Where address and offset agree and the folio has the size of a PMD,
	 * the core maps all of it at once.
	 */
	vmf->page = buffer->pages[vmf->pgoff];
	get_page(vmf->page);
	trace_dmashm_fault(buffer, vmf);
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

static const struct vm_operations_struct mmap_vm_ops = {
	.open = mmap_open,
	.close = mmap_close,
	.fault = mmap_fault,
};

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
	return 0;
}
