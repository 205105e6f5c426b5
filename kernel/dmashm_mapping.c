// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's mapping, and what of it is synchronised when.
 *
 * Where a device does not see what the CPU's caches hold, or has memory of its
 * own in between (a bounce buffer), there are two copies of the data, and only
 * the DMA API can carry one over to the other. It knows bytes, not who wrote
 * them: to carry over what somebody wrote is to overwrite what somebody else
 * did. So what is carried is no more than what was asked for, and never back
 * over what the CPU is writing.
 *
 * Documentation/core-api/dma-api.rst lets a part be synchronised by its address
 * where all of it follows in memory, as each piece of the list does.
 */
#include <linux/cache.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "dmashm_buffer.h"
#include "dmashm_mapping.h"

/*
 * Where the device finds the data from one place to the next. Kept apart from
 * the importer's table, which the core may disguise (CONFIG_DMABUF_DEBUG), and
 * in an array, so that the way to a place is short in any buffer.
 */
struct dmashm_segment {
	size_t start;		/* in the buffer */
	dma_addr_t address;
};

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
 * dmashm_mapping_prepare() - all that can be done before mapping
 * @buffer: the whole of it
 * @dev:    the device
 * @dir:    what the device does
 *
 * A device that writes is mapped as one that reads too. Where it gets memory of
 * its own, what the CPU writes beside what the device does must find its way
 * there, or be overwritten with what was there before.
 *
 * Context: process, may sleep.
 * Return: for dmashm_mapping_free(); or an ERR_PTR: -ENOMEM.
 */
struct dmashm_mapping *dmashm_mapping_prepare(struct dmashm_buffer *buffer,
					      struct device *dev,
					      enum dma_data_direction dir)
{
	struct dmashm_mapping *mapping;
	int ret = -ENOMEM;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->dev = dev;
	mapping->size = buffer->size;
	mapping->dir = dir == DMA_FROM_DEVICE ? DMA_BIDIRECTIONAL : dir;
	ret = mapping_fill_table(mapping, buffer);
	if (ret)
		goto free_mapping;
	ret = -ENOMEM;
	mapping->segments = kvmalloc_array(mapping->table.orig_nents,
					   sizeof(*mapping->segments),
					   GFP_KERNEL);
	if (mapping->segments)
		return mapping;
	sg_free_table(&mapping->table);
free_mapping:
	kfree(mapping);
	return ERR_PTR(ret);
}

/**
 * dmashm_mapping_free() - undo dmashm_mapping_prepare()
 * @mapping: it is not mapped
 *
 * Context: process, may sleep.
 */
void dmashm_mapping_free(struct dmashm_mapping *mapping)
{
	sg_free_table(&mapping->table);
	kvfree(mapping->segments);
	kfree(mapping);
}

/* Most devices see what the CPU sees: then no sync ever looks at a segment. */
static bool mapping_needs_sync(struct dmashm_mapping *mapping)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(&mapping->table, sg, i)
		if (dma_need_sync(mapping->dev, sg_dma_address(sg)))
			return true;
	return false;
}

/*
 * A piece for each of the CPU's, which follow each other in memory: of what the
 * DMA API has joined for the device, it would take the first one for all.
 */
static void mapping_note_segments(struct dmashm_mapping *mapping)
{
	struct scatterlist *joined = mapping->table.sgl, *sg;
	size_t start = 0, skip = 0;
	int i;

	if (!mapping_needs_sync(mapping)) {
		kvfree(mapping->segments);
		mapping->segments = NULL;
		return;
	}
	for_each_sgtable_sg(&mapping->table, sg, i) {
		if (skip == sg_dma_len(joined)) {
			joined = sg_next(joined);
			skip = 0;
		}
		mapping->segments[i].start = start;
		mapping->segments[i].address = sg_dma_address(joined) + skip;
		start += sg->length;
		skip += sg->length;
	}
	mapping->nr_segments = mapping->table.orig_nents;
}

/**
 * dmashm_mapping_map() - hand all the data over to the device
 * @mapping: prepared
 *
 * Context: process, may sleep; the caller holds buffer->lock, and the dma_resv
 * lock or not.
 * Return: 0; -ENOMEM, -EINVAL, -EIO, -EREMOTEIO as dma_map_sgtable().
 */
int dmashm_mapping_map(struct dmashm_mapping *mapping)
{
	int ret = dma_map_sgtable(mapping->dev, &mapping->table, mapping->dir,
				  0);

	if (!ret)
		mapping_note_segments(mapping);
	return ret;
}

/**
 * dmashm_mapping_leave_out() - somebody was writing before the device came
 * @mapping: new
 * @range:   what; NULL: it could be anything, until he says more by START
 * @writer:  whose turn it is, see dmashm_barrier_turn()
 *
 * That is not to be given back when the device goes, if he still writes then.
 *
 * Context: as dmashm_mapping_map().
 */
void dmashm_mapping_leave_out(struct dmashm_mapping *mapping,
			      const struct dmashm_range *range, u64 writer)
{
	const struct dmashm_range all = { 0, mapping->size };

	mapping->writing = range ? *range : all;
	mapping->assumed = !range;
	mapping->writer = writer;
}

/* The last segment that begins at a place or before it. */
static unsigned int mapping_segment_at(const struct dmashm_mapping *mapping,
				       size_t place)
{
	unsigned int low = 0, high = mapping->nr_segments;

	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (mapping->segments[middle].start <= place)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/*
 * What shares a cache line with the range goes with it, as it does anyway where
 * caches are written back. Devices that are coherent have no such lines: there
 * it is to the byte.
 */
static struct dmashm_range mapping_lines(const struct dmashm_range *range)
{
	size_t line = dma_get_cache_alignment();

	return (struct dmashm_range){ round_down(range->start, line),
				      round_up(range->end, line) };
}

typedef void (*mapping_sync_fn)(struct device *dev, dma_addr_t address,
				size_t size, enum dma_data_direction dir);

/* It may be much: nobody who waits for this CPU shall wait for all of it. */
static void mapping_sync(const struct dmashm_mapping *mapping,
			 struct dmashm_range range,
			 enum dma_data_direction dir, mapping_sync_fn sync)
{
	unsigned int i;

	if (!mapping->nr_segments || dmashm_range_is_empty(&range))
		return;
	i = mapping_segment_at(mapping, range.start);
	while (range.start < range.end) {
		const struct dmashm_segment *segment = &mapping->segments[i++];
		size_t skip = range.start - segment->start, end = range.end;

		if (i < mapping->nr_segments)
			end = min(end, segment[1].start);
		sync(mapping->dev, segment->address + skip, end - range.start,
		     dir);
		range.start = end;
		cond_resched();
	}
}

static void mapping_sync_for_cpu(struct device *dev, dma_addr_t address,
				 size_t size, enum dma_data_direction dir)
{
	dma_sync_single_for_cpu(dev, address, size, dir);
}

static void mapping_sync_for_device(struct device *dev, dma_addr_t address,
				    size_t size, enum dma_data_direction dir)
{
	dma_sync_single_for_device(dev, address, size, dir);
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

/* One that is still open stays so, but not of one whose turn is over. */
static void mapping_note_writing(struct dmashm_mapping *mapping,
				 const struct dmashm_range *range, u64 turn)
{
	if (mapping->assumed || mapping->writer != turn)
		mapping->writing = (struct dmashm_range){ 0 };
	mapping->assumed = false;
	mapping->writer = turn;
	dmashm_range_add(&mapping->writing, range);
}

/**
 * dmashm_mapping_begin_cpu() - give a range to the CPU
 * @mapping: from whom
 * @range:   which bytes, within the buffer
 * @dir:     DMA_FROM_DEVICE the CPU reads; DMA_TO_DEVICE, DMA_BIDIRECTIONAL it
 *           writes
 * @turn:    whose, see dmashm_barrier_turn()
 *
 * Who says that he only writes is given what is there too: he need not write
 * all of it, and what he leaves out would go back as it was before.
 *
 * Context: process, may sleep; the caller holds buffer->lock.
 */
void dmashm_mapping_begin_cpu(struct dmashm_mapping *mapping,
			      const struct dmashm_range *range,
			      enum dma_data_direction dir, u64 turn)
{
	if (dir == DMA_TO_DEVICE)
		dir = DMA_BIDIRECTIONAL;
	mapping_sync(mapping, mapping_lines(range), mapping_dir(mapping, dir),
		     mapping_sync_for_cpu);
	if (dir == DMA_BIDIRECTIONAL)
		mapping_note_writing(mapping, range, turn);
}

/**
 * dmashm_mapping_end_cpu() - give a range to the device
 * @mapping: to whom
 * @range:   as for dmashm_mapping_begin_cpu()
 * @dir:     the same
 *
 * Context: as there.
 */
void dmashm_mapping_end_cpu(struct dmashm_mapping *mapping,
			    const struct dmashm_range *range,
			    enum dma_data_direction dir)
{
	mapping_sync(mapping, mapping_lines(range), mapping_dir(mapping, dir),
		     mapping_sync_for_device);
	if (dir == DMA_FROM_DEVICE)
		return;
	mapping->writing = (struct dmashm_range){ 0 };
	mapping->assumed = false;
}

/*
 * What not to give back. Whose turn is over, by death or without an END, does not
 * write any more; of one without the barrier nobody knows.
 */
static struct dmashm_range mapping_written(const struct dmashm_mapping *mapping,
					   u64 turn)
{
	if (mapping->writer && mapping->writer != turn)
		return (struct dmashm_range){ 0 };
	return mapping_lines(&mapping->writing);
}

/**
 * dmashm_mapping_unmap() - give all the data back to the CPU
 * @mapping: mapped
 * @turn:    whose, see dmashm_barrier_turn()
 *
 * All but what the CPU has been given to write, and not given back yet: there
 * it has written since what the device's memory knows nothing of.
 *
 * Context: as dmashm_mapping_map().
 */
void dmashm_mapping_unmap(struct dmashm_mapping *mapping, u64 turn)
{
	struct dmashm_range writing = mapping_written(mapping, turn);
	struct dmashm_range before = { 0, writing.start };
	struct dmashm_range after = { writing.end, mapping->size };
	unsigned long attrs = 0;

	if (!dmashm_range_is_empty(&writing)) {
		mapping_sync(mapping, before, mapping->dir,
			     mapping_sync_for_cpu);
		mapping_sync(mapping, after, mapping->dir,
			     mapping_sync_for_cpu);
		attrs = DMA_ATTR_SKIP_CPU_SYNC;
	}
	dma_unmap_sgtable(mapping->dev, &mapping->table, mapping->dir, attrs);
}

/**
 * dmashm_mapping_does() - what a device does, in a word
 * @mapping: of it
 *
 * Return: "reads", or "both".
 */
const char *dmashm_mapping_does(const struct dmashm_mapping *mapping)
{
	return mapping->dir == DMA_TO_DEVICE ? "reads" : "both";
}
