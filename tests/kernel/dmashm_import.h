/* SPDX-License-Identifier: GPL-2.0-only */
/* A dma-buf in the hands of a test module: what all importers do alike. */
#ifndef DMASHM_IMPORT_H
#define DMASHM_IMPORT_H

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>

/* All zero: nothing. Whoever has it sees to it that one does this at a time. */
struct import {
	struct dma_buf_attachment *attachment;	/* NULL: attached to nothing */
	struct sg_table *table;			/* NULL while not mapped */
	enum dma_data_direction dir;		/* of table */
};

/*
 * How long a segment @dev takes, in bytes; 0: whatever comes, and it says nothing of
 * that, as many drivers do. The kernel's debugging takes silence for 64 KiB.
 */
static inline void import_limit_segments(struct device *dev, unsigned int max)
{
	if (!max && IS_ENABLED(CONFIG_DMA_API_DEBUG_SG))
		max = UINT_MAX;
	if (max || dev->dma_parms)
		dma_set_max_seg_size(dev, max);
}

static inline int import_attach(struct import *import, int fd,
				struct device *dev)
{
	struct dma_buf_attachment *attachment;
	struct dma_buf *dmabuf;

	if (import->attachment)
		return -EBUSY;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	attachment = dma_buf_attach(dmabuf, dev);
	if (IS_ERR(attachment)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attachment);
	}
	import->attachment = attachment;
	return 0;
}

static inline int import_map(struct import *import, u32 dir)
{
	struct sg_table *table;

	if (dir > DMA_FROM_DEVICE)
		return -EINVAL;
	if (import->table)
		return -EBUSY;
	table = dma_buf_map_attachment_unlocked(import->attachment, dir);
	if (IS_ERR(table))
		return PTR_ERR(table);
	import->table = table;
	import->dir = dir;
	return 0;
}

static inline int import_unmap(struct import *import)
{
	if (!import->table)
		return -EINVAL;
	dma_buf_unmap_attachment_unlocked(import->attachment, import->table,
					  import->dir);
	import->table = NULL;
	return 0;
}

/*
 * Where the memory of a mapping's entry lies, which is no importer's business but a
 * test's: the core turns the bits of it over where that is debugged.
 */
static inline struct page *import_page(const struct scatterlist *sg)
{
	unsigned long link = sg->page_link;

	if (IS_ENABLED(CONFIG_DMABUF_DEBUG))
		link ^= ~0xfful;
	return (struct page *)(link & ~SG_PAGE_LINK_MASK);
}

/* Whatever there is to give back. */
static inline void import_detach(struct import *import)
{
	struct dma_buf *dmabuf;

	if (!import->attachment)
		return;
	import_unmap(import);
	dmabuf = import->attachment->dmabuf;
	dma_buf_detach(dmabuf, import->attachment);
	dma_buf_put(dmabuf);
	import->attachment = NULL;
}

#endif /* DMASHM_IMPORT_H */
