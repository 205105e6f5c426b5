// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that have the buffer.
 *
 * Mappings are kept per buffer, not per dma-buf: several dma-bufs can lie over
 * the same pages, and a sync on any of them must serve the devices of all.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "dmashm_attachment.h"
#include "dmashm_buffer.h"
#include "dmashm_lease.h"
#include "dmashm_mapping.h"
#include "dmashm_trace.h"

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
	struct dmashm_facts *facts = buffer->control.facts;
	struct dmashm_attachment *attachment;

	attachment = kzalloc(sizeof(*attachment), GFP_KERNEL);
	if (!attachment)
		return ERR_PTR(-ENOMEM);
	attachment->dev = dev;
	mutex_lock(&buffer->lock);
	list_add_tail(&attachment->node, &buffer->attachments);
	/* Read by members without a lock. */
	WRITE_ONCE(facts->attachments, facts->attachments + 1);
	/* Release: who sees the arrival sees the attachment. */
	smp_store_release(&facts->arrivals, facts->arrivals + 1);
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
			   dmashm_mapping_does(mapping));
	mutex_unlock(&buffer->lock);
}

/*
 * Whoever has the barrier may have been given the data to write before the
 * device came: what he was given, by START, or else anything, for who says that
 * he writes may have left START out.
 */
static int attachment_map(struct dmashm_buffer *buffer,
			  struct dmashm_mapping *mapping)
{
	u64 turn = dmashm_barrier_turn(&buffer->barrier);
	int ret = dmashm_mapping_map(mapping);

	if (ret)
		return ret;
	if (turn && turn == buffer->writer)
		dmashm_mapping_leave_out(mapping, &buffer->writing, turn);
	else if (turn & 1)
		dmashm_mapping_leave_out(mapping, NULL, turn);
	list_add_tail(&mapping->node, &buffer->mappings);
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

	mapping = dmashm_mapping_prepare(buffer, dev, dir);
	if (IS_ERR(mapping))
		return ERR_CAST(mapping);
	/*
	 * Under the lock, so that no sync of another process falls between the
	 * hand-over and the list.
	 */
	mutex_lock(&buffer->lock);
	ret = attachment_map(buffer, mapping);
	mutex_unlock(&buffer->lock);
	if (!ret)
		return &mapping->table;
	dmashm_mapping_free(mapping);
	return ERR_PTR(ret);
}

/**
 * dmashm_attachment_unmap() - take a mapping from a device
 * @buffer: the buffer
 * @table:  what dmashm_attachment_map() gave
 *
 * Hands all data back to the CPU, see dmashm_mapping_unmap().
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
	dmashm_mapping_unmap(mapping, dmashm_barrier_turn(&buffer->barrier));
	mutex_unlock(&buffer->lock);
	dmashm_mapping_free(mapping);
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

/* For devices that map from now on. */
static void attachment_note_writing(struct dmashm_buffer *buffer,
				    const struct dmashm_range *range, u64 turn)
{
	/* Of another one, who is gone without an END. */
	if (turn != buffer->writer)
		buffer->writing = (struct dmashm_range){ 0 };
	buffer->writer = turn;
	dmashm_range_add(&buffer->writing, range);
}

static void attachment_begin_cpu(struct dmashm_buffer *buffer,
				 const struct dmashm_range *range,
				 enum dma_data_direction dir)
{
	u64 turn = dmashm_barrier_turn(&buffer->barrier);
	struct dmashm_mapping *mapping;

	lockdep_assert_held(&buffer->vmap_lock);
	lockdep_assert_held(&buffer->lock);
	trace_dmashm_sync_begin(buffer, range, dir);
	if (buffer->vmap_count)
		invalidate_kernel_vmap_range(buffer->vaddr + range->start,
					     range->end - range->start);
	list_for_each_entry(mapping, &buffer->mappings, node)
		dmashm_mapping_begin_cpu(mapping, range, dir, turn);
	if (dir != DMA_FROM_DEVICE)
		attachment_note_writing(buffer, range, turn);
}

/**
 * dmashm_attachment_begin_cpu() - give the data to the CPU
 * @buffer: whose, from all devices
 * @range:  which bytes, within the buffer
 * @dir:    DMA_FROM_DEVICE the CPU reads, DMA_TO_DEVICE it writes
 *
 * Context: process, may sleep.
 */
void dmashm_attachment_begin_cpu(struct dmashm_buffer *buffer,
				 const struct dmashm_range *range,
				 enum dma_data_direction dir)
{
	mutex_lock(&buffer->vmap_lock);
	mutex_lock(&buffer->lock);
	attachment_begin_cpu(buffer, range, dir);
	mutex_unlock(&buffer->lock);
	mutex_unlock(&buffer->vmap_lock);
}

/**
 * dmashm_attachment_begin_cpu_by_lease() - the same, to read, for a viewer
 * @buffer: as there
 * @range:  as there
 * @lease:  what the caller is in by; not taken back while data moves
 *
 * Who writes waits until that is done. Nothing is waited for here meanwhile; how
 * long it takes is for the size of the range to say, and for the devices.
 *
 * Context: process, may sleep.
 * Return: 0; -ESTALE the lease was taken back before: nothing was done.
 */
int dmashm_attachment_begin_cpu_by_lease(struct dmashm_buffer *buffer,
					 const struct dmashm_range *range,
					 struct dmashm_lease *lease)
{
	int ret;

	mutex_lock(&buffer->vmap_lock);
	mutex_lock(&buffer->lock);
	ret = dmashm_lease_pin(&buffer->barrier, lease);
	if (!ret) {
		attachment_begin_cpu(buffer, range, DMA_FROM_DEVICE);
		dmashm_lease_unpin(&buffer->barrier, lease);
	}
	mutex_unlock(&buffer->lock);
	mutex_unlock(&buffer->vmap_lock);
	return ret;
}

/**
 * dmashm_attachment_end_cpu() - give the data to the devices
 * @buffer: whose, to all devices
 * @range:  as for dmashm_attachment_begin_cpu()
 * @dir:    as there
 *
 * Context: process, may sleep.
 */
void dmashm_attachment_end_cpu(struct dmashm_buffer *buffer,
			       const struct dmashm_range *range,
			       enum dma_data_direction dir)
{
	struct dmashm_mapping *mapping;

	trace_dmashm_sync_end(buffer, range, dir);
	mutex_lock(&buffer->vmap_lock);
	if (buffer->vmap_count)
		flush_kernel_vmap_range(buffer->vaddr + range->start,
					range->end - range->start);
	mutex_unlock(&buffer->vmap_lock);
	mutex_lock(&buffer->lock);
	list_for_each_entry(mapping, &buffer->mappings, node)
		dmashm_mapping_end_cpu(mapping, range, dir);
	if (dir != DMA_FROM_DEVICE)
		buffer->writing = (struct dmashm_range){ 0 };
	mutex_unlock(&buffer->lock);
}
