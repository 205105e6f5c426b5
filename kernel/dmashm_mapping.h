/* SPDX-License-Identifier: GPL-2.0-only */
/* What one device has mapped: all of a buffer, as the device addresses it. */
#ifndef DMASHM_MAPPING_H
#define DMASHM_MAPPING_H

#include <linux/dma-direction.h>
#include <linux/list.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

#include "dmashm_range.h"

struct device;
struct dmashm_buffer;

struct dmashm_segment;

struct dmashm_mapping {
	struct list_head node;		/* buffer->lock */
	struct sg_table table;		/* the importer's, from map to unmap */
	struct device *dev;		/* constant */
	size_t size;			/* constant; the buffer's */
	enum dma_data_direction dir;	/* constant; what the DMA API was told */
	struct dmashm_segment *segments;	/* constant; NULL: none to sync */
	unsigned int nr_segments;	/* constant */
	struct dmashm_range writing;	/* buffer->lock; by the CPU, see unmap */
	bool assumed;			/* buffer->lock; nobody has said so */
	u64 writer;			/* buffer->lock; whose turn it is */
};

struct dmashm_mapping *dmashm_mapping_prepare(struct dmashm_buffer *buffer,
					      struct device *dev,
					      enum dma_data_direction dir);
int dmashm_mapping_map(struct dmashm_mapping *mapping);
void dmashm_mapping_leave_out(struct dmashm_mapping *mapping,
			      const struct dmashm_range *range, u64 writer);
void dmashm_mapping_unmap(struct dmashm_mapping *mapping, u64 turn);
void dmashm_mapping_free(struct dmashm_mapping *mapping);

void dmashm_mapping_begin_cpu(struct dmashm_mapping *mapping,
			      const struct dmashm_range *range,
			      enum dma_data_direction dir, u64 turn);
void dmashm_mapping_end_cpu(struct dmashm_mapping *mapping,
			    const struct dmashm_range *range,
			    enum dma_data_direction dir);

const char *dmashm_mapping_does(const struct dmashm_mapping *mapping);

#endif /* DMASHM_MAPPING_H */
