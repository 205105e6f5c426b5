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
 * Documentation/core-api/dma-api.rst: what was mapped as a list may be
 * synchronised in parts, by address.
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

static void mapping_note_segments(struct dmashm_mapping *mapping)
{
	struct scatterlist *sg;
	size_t start = 0;
	int i;

	if (!mapping_needs_sync(mapping)) {
		kvfree(mapping->segments);
		mapping->segments = NULL;
		return;
	}
	/* The DMA API may have joined some, never put them in another order. */
	for_each_sgtable_dma_sg(&mapping->table, sg, i) {
		mapping->segments[i].start = start;
		mapping->segments[i].address = sg_dma_address(sg);
		start += sg_dma_len(sg);
	}
	mapping->nr_segments = mapping->table.nents;
}

/**
 * dmashm_mapping_map() - hand all the data over to the device
 * @mapping: prepared
 * @bracket: in which somebody writes with the CPU, who need not know of the device
 *
 * Context: process, may sleep; the caller holds buffer->lock, and the dma_resv
 * lock or not.
 * Return: 0; -ENOMEM, -EINVAL, -EIO, -EREMOTEIO as dma_map_sgtable().
 */
int dmashm_mapping_map(struct dmashm_mapping *mapping, u64 bracket)
{
	int ret = dma_map_sgtable(mapping->dev, &mapping->table, mapping->dir,
				  0);

	if (ret)
		return ret;
	mapping->bracket = bracket;
	mapping_note_segments(mapping);
	return 0;
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

/**
 * dmashm_mapping_begin_cpu() - give a range to the CPU
 * @mapping: from whom
 * @range:   which bytes, within the buffer
 * @dir:     DMA_FROM_DEVICE the CPU reads; DMA_TO_DEVICE, DMA_BIDIRECTIONAL it
 *           writes
 *
 * Who says that he only writes is given what is there too: he need not write
 * all of it, and what he leaves out would go back as it was before.
 *
 * Context: process, may sleep; the caller holds buffer->lock.
 */
void dmashm_mapping_begin_cpu(struct dmashm_mapping *mapping,
			      const struct dmashm_range *range,
			      enum dma_data_direction dir)
{
	struct dmashm_range lines = mapping_lines(range);

	if (dir == DMA_TO_DEVICE)
		dir = DMA_BIDIRECTIONAL;
	mapping_sync(mapping, lines, mapping_dir(mapping, dir),
		     mapping_sync_for_cpu);
	/* Another one may be open, of somebody without the barrier, or of a dead one. */
	if (dir == DMA_BIDIRECTIONAL)
		dmashm_range_add(&mapping->writing, &lines);
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
	if (dir != DMA_FROM_DEVICE)
		mapping->writing = (struct dmashm_range){ 0 };
}

/**
 * dmashm_mapping_unmap() - give all the data back to the CPU
 * @mapping: mapped
 * @bracket: in which somebody writes with the CPU
 *
 * All but what the CPU has been given to write, and not given back yet: there
 * it has written since what the device's memory knows nothing of. That may be
 * anything in a bracket that has been open since before the device mapped, and
 * began without START. One that is younger has not written before its START,
 * which still has to find what the device wrote.
 *
 * Context: as dmashm_mapping_map().
 */
void dmashm_mapping_unmap(struct dmashm_mapping *mapping, u64 bracket)
{
	struct dmashm_range *writing = &mapping->writing;
	struct dmashm_range before, after;
	unsigned long attrs = 0;

	if (bracket && bracket == mapping->bracket && dmashm_range_is_empty(writing))
		*writing = (struct dmashm_range){ 0, mapping->size };
	before = (struct dmashm_range){ 0, writing->start };
	after = (struct dmashm_range){ writing->end, mapping->size };
	if (!dmashm_range_is_empty(writing)) {
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
