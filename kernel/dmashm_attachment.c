// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that have the buffer.
 *
 * Mappings are kept per buffer, not per dma-buf: several dma-bufs can lie over
 * the same pages, and a sync on any of them must serve the devices of all.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "dmashm_attachment.h"
#include "dmashm_buffer.h"
#include "dmashm_lease.h"
#include "dmashm_trace.h"

/* One mapping of the whole buffer for one device. */
struct dmashm_mapping {
	struct list_head node;		/* buffer->lock */
	struct sg_table table;		/* what the importer gets */
	struct device *dev;		/* constant */
	enum dma_data_direction dir;	/* constant */
};

/**
 * dmashm_attachment_add() - a device is attached; it may map from now on
 * @buffer: to this buffer
 * @dev:    the device
 *
 * Context: process, may sleep.
 * Return: for dmashm_attachment_remove(); or an ERR_PTR: -ENOMEM.
 */
struct dmashm_attachment *dmashm_attachment_add(struct dmashm_buffer *buffer,
						struct device *dev)
{
	u32 *count = &buffer->control.facts->attachments;
	struct dmashm_attachment *attachment;

	attachment = kzalloc(sizeof(*attachment), GFP_KERNEL);
	if (!attachment)
		return ERR_PTR(-ENOMEM);
	attachment->dev = dev;
	mutex_lock(&buffer->lock);
	list_add_tail(&attachment->node, &buffer->attachments);
	WRITE_ONCE(*count, *count + 1);	/* read by members without a lock */
	mutex_unlock(&buffer->lock);
	/*
	 * Before the device maps. Pairs with the full fence that a member puts
	 * between its last access to the data and its look at the count: either
	 * it sees the device, and syncs, or its access came first, and the
	 * mapping hands it to the device.
	 */
	smp_mb();
	return attachment;
}

/**
 * dmashm_attachment_remove() - a device is detached and has nothing mapped
 * @buffer:     from this buffer
 * @attachment: what dmashm_attachment_add() gave
 *
 * Context: process, may sleep.
 */
void dmashm_attachment_remove(struct dmashm_buffer *buffer,
			      struct dmashm_attachment *attachment)
{
	u32 *count = &buffer->control.facts->attachments;

	mutex_lock(&buffer->lock);
	list_del(&attachment->node);
	/* Release: who sees the count lowered sees what unmapping brought. */
	smp_store_release(count, *count - 1);
	mutex_unlock(&buffer->lock);
	kfree(attachment);
}

static const char *mapping_dir_name(const struct dmashm_mapping *mapping)
{
	switch (mapping->dir) {
	case DMA_BIDIRECTIONAL:
		return "both";
	case DMA_TO_DEVICE:
		return "reads";
	case DMA_FROM_DEVICE:
		return "writes";
	default:
		return "none";
	}
}

/**
 * dmashm_attachment_show() - one line for each device, and for each mapping
 * @buffer: of which buffer
 * @m:      where to
 *
 * Context: process, may sleep.
 */
void dmashm_attachment_show(struct dmashm_buffer *buffer, struct seq_file *m)
{
	struct dmashm_attachment *attachment;
	struct dmashm_mapping *mapping;

	mutex_lock(&buffer->lock);
	list_for_each_entry(attachment, &buffer->attachments, node)
		seq_printf(m, "  attached %s\n", dev_name(attachment->dev));
	list_for_each_entry(mapping, &buffer->mappings, node)
		seq_printf(m, "  mapped %s %s\n", dev_name(mapping->dev),
			   mapping_dir_name(mapping));
	mutex_unlock(&buffer->lock);
}

/*
 * What a segment may have at the most, in pages. With bounced mappings it must
 * fit the bounce buffer's slots; a longer one, however contiguous, cannot be
 * mapped. The API's 64 KiB for a driver that has said nothing is no limit of its
 * device: there are drivers enough that rely on being given more.
 */
static unsigned long mapping_max_pages(struct device *dev)
{
	size_t max = min_t(size_t, dma_max_mapping_size(dev), UINT_MAX);

	if (dev->dma_parms && dev->dma_parms->max_segment_size)
		max = min_t(size_t, max, dev->dma_parms->max_segment_size);
	return max(max >> PAGE_SHIFT, 1ul);
}

/*
 * How many pages from @first on lie side by side, at most @max. By folios: to ask
 * page by page would make the import of a large buffer take its size.
 */
static unsigned long mapping_run(struct dmashm_buffer *buffer,
				 unsigned long first, unsigned long max)
{
	unsigned long pfn = page_to_pfn(buffer->pages[first]), n = 0;

	max = min(max, buffer->nr_pages - first);
	while (n < max && page_to_pfn(buffer->pages[first + n]) == pfn + n) {
		struct page *page = buffer->pages[first + n];
		struct folio *folio = page_folio(page);

		n += folio_nr_pages(folio) - folio_page_idx(folio, page);
	}
	return min(n, max);
}

static int mapping_fill_table(struct dmashm_mapping *mapping,
			      struct dmashm_buffer *buffer)
{
	unsigned long max = mapping_max_pages(mapping->dev), i;
	unsigned int nents = 0;
	struct scatterlist *sg;
	int ret;

	for (i = 0; i < buffer->nr_pages; i += mapping_run(buffer, i, max))
		nents++;
	ret = sg_alloc_table(&mapping->table, nents, GFP_KERNEL);
	if (ret)
		return ret;
	sg = mapping->table.sgl;
	for (i = 0; i < buffer->nr_pages; sg = sg_next(sg)) {
		unsigned long n = mapping_run(buffer, i, max);

		sg_set_page(sg, buffer->pages[i], n << PAGE_SHIFT, 0);
		i += n;
	}
	return 0;
}

/**
 * dmashm_attachment_map() - map the buffer for a device
 * @buffer: the whole of it
 * @dev:    the device
 * @dir:    what the device does
 *
 * The mapping hands all data over to the device.
 *
 * Context: process, may sleep; the caller holds the dma_resv lock or not.
 * Return: the table, for dmashm_attachment_unmap(); or an ERR_PTR: -ENOMEM,
 * -EINVAL, -EIO, -EREMOTEIO as dma_map_sgtable().
 */
struct sg_table *dmashm_attachment_map(struct dmashm_buffer *buffer,
				       struct device *dev,
				       enum dma_data_direction dir)
{
	struct dmashm_mapping *mapping;
	int ret;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->dev = dev;
	mapping->dir = dir;
	ret = mapping_fill_table(mapping, buffer);
	if (ret)
		goto free_mapping;
	/*
	 * Under the lock, so that no sync of another process falls between the
	 * hand-over and the list.
	 */
	mutex_lock(&buffer->lock);
	ret = dma_map_sgtable(dev, &mapping->table, dir, 0);
	if (!ret)
		list_add_tail(&mapping->node, &buffer->mappings);
	mutex_unlock(&buffer->lock);
	if (ret)
		goto free_table;
	return &mapping->table;

free_table:
	sg_free_table(&mapping->table);
free_mapping:
	kfree(mapping);
	return ERR_PTR(ret);
}

/**
 * dmashm_attachment_unmap() - take a mapping from a device
 * @buffer: the buffer
 * @table:  what dmashm_attachment_map() gave
 *
 * Hands all data back to the CPU.
 *
 * Context: as dmashm_attachment_map().
 */
void dmashm_attachment_unmap(struct dmashm_buffer *buffer,
			     struct sg_table *table)
{
	struct dmashm_mapping *mapping = container_of(table,
						      struct dmashm_mapping,
						      table);

	mutex_lock(&buffer->lock);
	list_del(&mapping->node);
	dma_unmap_sgtable(mapping->dev, table, mapping->dir, 0);
	mutex_unlock(&buffer->lock);
	sg_free_table(table);
	kfree(mapping);
}

/*
 * What a sync has to say to one mapping: the CPU's direction where the device
 * does both, else the device's own, which is all that the DMA API allows.
 */
static enum dma_data_direction mapping_dir(const struct dmashm_mapping *mapping,
					   enum dma_data_direction dir)
{
	return mapping->dir == DMA_BIDIRECTIONAL ? dir : mapping->dir;
}

/**
 * dmashm_attachment_any() - is there anything to synchronise?
 * @buffer: for any device, or in the kernel
 *
 * Context: process, may sleep.
 * Return: true if so.
 */
bool dmashm_attachment_any(struct dmashm_buffer *buffer)
{
	bool any;

	mutex_lock(&buffer->lock);
	any = !list_empty(&buffer->mappings);
	mutex_unlock(&buffer->lock);
	mutex_lock(&buffer->vmap_lock);
	any |= buffer->vmap_count;
	mutex_unlock(&buffer->vmap_lock);
	return any;
}

static void attachment_sync_for_cpu(struct dmashm_buffer *buffer,
				    enum dma_data_direction dir)
{
	struct dmashm_mapping *mapping;

	lockdep_assert_held(&buffer->lock);
	list_for_each_entry(mapping, &buffer->mappings, node)
		dma_sync_sgtable_for_cpu(mapping->dev, &mapping->table,
					 mapping_dir(mapping, dir));
}

/**
 * dmashm_attachment_begin_cpu() - give the data to the CPU
 * @buffer: all of it, from all devices
 * @dir:    DMA_FROM_DEVICE the CPU reads, DMA_TO_DEVICE it writes
 *
 * Context: process, may sleep.
 */
void dmashm_attachment_begin_cpu(struct dmashm_buffer *buffer,
				 enum dma_data_direction dir)
{
	trace_dmashm_sync_begin(buffer, dir);
	mutex_lock(&buffer->vmap_lock);
	if (buffer->vmap_count)
		invalidate_kernel_vmap_range(buffer->vaddr, buffer->size);
	mutex_unlock(&buffer->vmap_lock);
	mutex_lock(&buffer->lock);
	attachment_sync_for_cpu(buffer, dir);
	mutex_unlock(&buffer->lock);
}

/**
 * dmashm_attachment_begin_cpu_by_lease() - the same, to read, for a viewer
 * @buffer: as there
 * @lease:  what the caller is in by; not taken back while data moves
 *
 * Who writes waits until that is done. Nothing here sleeps meanwhile; how long
 * it takes is for the size of the buffer to say, and for the devices.
 *
 * Context: process, may sleep.
 * Return: 0; -ESTALE the lease was taken back before: nothing was done.
 */
int dmashm_attachment_begin_cpu_by_lease(struct dmashm_buffer *buffer,
					 struct dmashm_lease *lease)
{
	int ret;

	mutex_lock(&buffer->vmap_lock);
	mutex_lock(&buffer->lock);
	ret = dmashm_lease_pin(&buffer->barrier, lease);
	if (ret)
		goto unlock;
	trace_dmashm_sync_begin(buffer, DMA_FROM_DEVICE);
	if (buffer->vmap_count)
		invalidate_kernel_vmap_range(buffer->vaddr, buffer->size);
	attachment_sync_for_cpu(buffer, DMA_FROM_DEVICE);
	dmashm_lease_unpin(&buffer->barrier, lease);
unlock:
	mutex_unlock(&buffer->lock);
	mutex_unlock(&buffer->vmap_lock);
	return ret;
}

/**
 * dmashm_attachment_end_cpu() - give the data to the devices
 * @buffer: all of it, to all devices
 * @dir:    as for dmashm_attachment_begin_cpu()
 *
 * Context: process, may sleep.
 */
void dmashm_attachment_end_cpu(struct dmashm_buffer *buffer,
			       enum dma_data_direction dir)
{
	struct dmashm_mapping *mapping;

	trace_dmashm_sync_end(buffer, dir);
	mutex_lock(&buffer->vmap_lock);
	if (buffer->vmap_count)
		flush_kernel_vmap_range(buffer->vaddr, buffer->size);
	mutex_unlock(&buffer->vmap_lock);
	mutex_lock(&buffer->lock);
	list_for_each_entry(mapping, &buffer->mappings, node)
		dma_sync_sgtable_for_device(mapping->dev, &mapping->table,
					    mapping_dir(mapping, dir));
	mutex_unlock(&buffer->lock);
}
