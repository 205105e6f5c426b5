/* SPDX-License-Identifier: GPL-2.0-only */
/* A view: a dma-buf over a buffer that may only be read. */
#ifndef DMASHM_VIEW_H
#define DMASHM_VIEW_H

#include <linux/dma-direction.h>

struct dmashm_buffer;
struct dmashm_range;

int dmashm_view_begin_cpu(struct dmashm_buffer *buffer,
			  const struct dmashm_range *range,
			  enum dma_data_direction dir);
int dmashm_view_end_cpu(struct dmashm_buffer *buffer,
			enum dma_data_direction dir);

#endif /* DMASHM_VIEW_H */
