/* SPDX-License-Identifier: GPL-2.0-only */
/* The device side: attaching, mapping for DMA, and handing the data over. */
#ifndef DMASHM_ATTACHMENT_H
#define DMASHM_ATTACHMENT_H

#include <linux/dma-direction.h>
#include <linux/list.h>
#include <linux/types.h>

struct device;
struct dmashm_buffer;
struct dmashm_lease;
struct dmashm_range;
struct seq_file;
struct sg_table;

/* A device that may map the buffer, through one dma-buf. */
struct dmashm_attachment {
	struct list_head node;	/* buffer->lock */
	struct device *dev;	/* constant; lives until it is detached */
	int writing;		/* constant; why it may not write, or 0 */
};

struct dmashm_attachment *dmashm_attachment_add(struct dmashm_buffer *buffer,
						struct device *dev);
void dmashm_attachment_remove(struct dmashm_buffer *buffer,
			      struct dmashm_attachment *attachment);
void dmashm_attachment_show(struct dmashm_buffer *buffer, struct seq_file *m);

struct sg_table *dmashm_attachment_map(struct dmashm_buffer *buffer,
				       struct device *dev,
				       enum dma_data_direction dir);
void dmashm_attachment_unmap(struct dmashm_buffer *buffer,
			     struct sg_table *table);

bool dmashm_attachment_any(struct dmashm_buffer *buffer);
void dmashm_attachment_begin_cpu(struct dmashm_buffer *buffer,
				 const struct dmashm_range *range,
				 enum dma_data_direction dir);
int dmashm_attachment_begin_cpu_by_lease(struct dmashm_buffer *buffer,
					 const struct dmashm_range *range,
					 struct dmashm_lease *lease);
void dmashm_attachment_end_cpu(struct dmashm_buffer *buffer,
			       const struct dmashm_range *range,
			       enum dma_data_direction dir);

#endif /* DMASHM_ATTACHMENT_H */
