// SPDX-License-Identifier: GPL-2.0-only
/* Buffers: how they begin and end, and the kernel's own access to their data. */
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "dmashm_attachment.h"
#include "dmashm_buffer.h"
#include "dmashm_gfp.h"
#include "dmashm_pages.h"
#include "dmashm_quota.h"
#include "dmashm_registry.h"
#include "dmashm_trace.h"

/**
 * dmashm_buffer_create() - make a buffer
 * @size:  bytes; rounded up to PAGE_SIZE
 * @flags: 0 or DMASHM_CREATE_CONTIGUOUS
 * @name:  DMASHM_NAME_LEN bytes with a NUL among them
 *
 * Context: process, may sleep.
 * Return: the buffer with one reference; -EINVAL @size is 0, or another flag;
 * -EFBIG @size is beyond the limit of one buffer, or beyond what is ever
 * contiguous; -EDQUOT, of the caller's limit; -ENOSPC, of that of all together;
 * -ENOMEM; -EINTR the caller is being killed.
 */
struct dmashm_buffer *dmashm_buffer_create(u64 size, u32 flags,
					   const char *name)
{
	bool contiguous = flags & DMASHM_CREATE_CONTIGUOUS;
	struct dmashm_buffer *buffer;
	int ret;

	if (!size || flags & ~DMASHM_CREATE_CONTIGUOUS)
		return ERR_PTR(-EINVAL);
	ret = dmashm_quota_check_size(size);
	if (ret)
		return ERR_PTR(ret);
	if (contiguous && size > (u64)DMASHM_PAGES_CONTIGUOUS << PAGE_SHIFT)
		return ERR_PTR(-EFBIG);

	buffer = kzalloc(sizeof(*buffer), DMASHM_GFP);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	buffer->size = PAGE_ALIGN(size);
	buffer->nr_pages = buffer->size >> PAGE_SHIFT;
	buffer->quota = dmashm_quota_take(buffer->nr_pages);
	if (IS_ERR(buffer->quota)) {
		ret = PTR_ERR(buffer->quota);
		goto free_buffer;
	}
	buffer->pages = dmashm_pages_alloc(buffer->nr_pages, contiguous);
	if (IS_ERR(buffer->pages)) {
		ret = PTR_ERR(buffer->pages);
		goto give_back;
	}
	ret = dmashm_control_init(&buffer->control);
	if (ret)
		goto free_pages;

	kref_init(&buffer->ref);
	strscpy_pad(buffer->name, name, sizeof(buffer->name));
	buffer->creator = get_pid(task_tgid(current));
	get_task_comm(buffer->creator_name, current);
	dmashm_writers_init(&buffer->writers);
	dma_resv_init(&buffer->resv);
	mutex_init(&buffer->lock);
	mutex_init(&buffer->vmap_lock);
	INIT_LIST_HEAD(&buffer->attachments);
	INIT_LIST_HEAD(&buffer->mappings);
	dmashm_barrier_init(&buffer->barrier, &buffer->control);

	buffer->control.facts->magic = DMASHM_MAGIC;
	buffer->control.facts->abi = DMASHM_ABI;
	buffer->control.facts->size = buffer->size;
	buffer->control.facts->capacity = DMASHM_CAPACITY;
	dmashm_registry_add(buffer);
	trace_dmashm_create(buffer);
	return buffer;

free_pages:
	dmashm_pages_free(buffer->pages, buffer->nr_pages);
give_back:
	dmashm_quota_give_back(buffer->quota, buffer->nr_pages);
free_buffer:
	kfree(buffer);
	return ERR_PTR(ret);
}

static void buffer_free(struct kref *ref)
{
	struct dmashm_buffer *buffer = container_of(ref, struct dmashm_buffer,
						    ref);

	trace_dmashm_free(buffer);
	dmashm_registry_remove(buffer);
	WARN_ON(!list_empty(&buffer->attachments));
	WARN_ON(!list_empty(&buffer->mappings));
	WARN_ON(buffer->vmap_count);
	dmashm_writers_exit(&buffer->writers);
	put_pid(buffer->creator);
	dma_resv_fini(&buffer->resv);
	mutex_destroy(&buffer->vmap_lock);
	mutex_destroy(&buffer->lock);
	dmashm_control_exit(&buffer->control);
	dmashm_pages_free(buffer->pages, buffer->nr_pages);
	dmashm_quota_give_back(buffer->quota, buffer->nr_pages);
	kfree(buffer);
}

/* Described in linux/dmashm.h, as are the others without a comment here. */
void dmashm_buffer_put(struct dmashm_buffer *buffer)
{
	kref_put(&buffer->ref, buffer_free);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_put);

/*
 * The kernel's own access
 */

/* Who reads waits for those who write; who writes, for all. */
static enum dma_resv_usage buffer_usage(enum dma_data_direction dir)
{
	return dma_resv_usage_rw(dir != DMA_FROM_DEVICE);
}

/**
 * dmashm_buffer_wait_fences() - wait until the devices are done
 * @buffer: the buffer
 * @dir:    as for dmashm_buffer_begin_cpu()
 *
 * Context: process, may sleep; interruptible.
 * Return: 0; -ERESTARTSYS.
 */
int dmashm_buffer_wait_fences(struct dmashm_buffer *buffer,
			      enum dma_data_direction dir)
{
	long ret = dma_resv_wait_timeout(&buffer->resv, buffer_usage(dir), true,
					 MAX_SCHEDULE_TIMEOUT);

	return ret < 0 ? ret : 0;
}

/**
 * dmashm_buffer_begin_cpu() - what DMA_BUF_IOCTL_SYNC with START does
 * @buffer: the buffer
 * @range:  which bytes of it
 * @dir:    DMA_FROM_DEVICE to read, DMA_BIDIRECTIONAL to write
 * @nowait: do not wait for fences
 *
 * Waits for the devices' fences, then gives the data to the CPU. Undone by
 * dmashm_attachment_end_cpu().
 *
 * Context: process, may sleep; interruptible.
 * Return: 0; -EAGAIN (@nowait) a fence is not signalled; -ERESTARTSYS.
 */
int dmashm_buffer_begin_cpu(struct dmashm_buffer *buffer,
			    const struct dmashm_range *range,
			    enum dma_data_direction dir, bool nowait)
{
	int ret = 0;

	if (!nowait)
		ret = dmashm_buffer_wait_fences(buffer, dir);
	else if (!dma_resv_test_signaled(&buffer->resv, buffer_usage(dir)))
		ret = -EAGAIN;
	if (!ret)
		dmashm_attachment_begin_cpu(buffer, range, dir);
	return ret;
}

/**
 * dmashm_buffer_begin_cpu_by_lease() - the same, to read, for a viewer
 * @buffer: the buffer
 * @range:  which bytes of it
 * @lease:  what the caller is in by
 *
 * Undone by nothing: who only read has nothing to hand over.
 *
 * Context: process, may sleep.
 * Return: 0; -EAGAIN a fence is not signalled; -ESTALE the lease was taken back.
 */
int dmashm_buffer_begin_cpu_by_lease(struct dmashm_buffer *buffer,
				     const struct dmashm_range *range,
				     struct dmashm_lease *lease)
{
	if (!dma_resv_test_signaled(&buffer->resv,
				    buffer_usage(DMA_FROM_DEVICE)))
		return -EAGAIN;
	return dmashm_attachment_begin_cpu_by_lease(buffer, range, lease);
}

/**
 * dmashm_buffer_read() - copy data out
 * @buffer: the buffer
 * @pos:    first byte; @pos + @len is not beyond the size
 * @to:     where to
 * @len:    bytes
 */
void dmashm_buffer_read(struct dmashm_buffer *buffer, loff_t pos, void *to,
			size_t len)
{
	while (len) {
		size_t in_page = offset_in_page(pos);
		size_t n = min(len, PAGE_SIZE - in_page);

		memcpy_from_page(to, buffer->pages[pos >> PAGE_SHIFT], in_page,
				 n);
		to += n;
		pos += n;
		len -= n;
	}
}

/**
 * dmashm_buffer_write() - copy data in
 * @buffer: the buffer
 * @pos:    first byte; @pos + @len is not beyond the size
 * @from:   where from
 * @len:    bytes
 */
void dmashm_buffer_write(struct dmashm_buffer *buffer, loff_t pos,
			 const void *from, size_t len)
{
	while (len) {
		size_t in_page = offset_in_page(pos);
		size_t n = min(len, PAGE_SIZE - in_page);

		memcpy_to_page(buffer->pages[pos >> PAGE_SHIFT], in_page, from,
			       n);
		from += n;
		pos += n;
		len -= n;
	}
}

void *dmashm_buffer_vmap(struct dmashm_buffer *buffer)
{
	void *vaddr;
	int ret;

	ret = dmashm_writer_add(&buffer->writers);
	if (ret)
		return ERR_PTR(ret);
	mutex_lock(&buffer->vmap_lock);
	if (!buffer->vmap_count)
		buffer->vaddr = vmap(buffer->pages, buffer->nr_pages, VM_MAP,
				     PAGE_KERNEL);
	vaddr = buffer->vaddr;
	if (vaddr)
		buffer->vmap_count++;
	mutex_unlock(&buffer->vmap_lock);
	if (vaddr)
		return vaddr;
	dmashm_writer_remove(&buffer->writers);
	return ERR_PTR(-ENOMEM);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_vmap);

void dmashm_buffer_vunmap(struct dmashm_buffer *buffer)
{
	mutex_lock(&buffer->vmap_lock);
	if (!WARN_ON(!buffer->vmap_count) && !--buffer->vmap_count) {
		vunmap(buffer->vaddr);
		buffer->vaddr = NULL;
	}
	mutex_unlock(&buffer->vmap_lock);
	dmashm_writer_remove(&buffer->writers);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_vunmap);
