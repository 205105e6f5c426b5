/* SPDX-License-Identifier: GPL-2.0-only */
/* A dma-buf over a buffer: how the rest of the kernel and user space see it. */
#ifndef DMASHM_DMABUF_H
#define DMASHM_DMABUF_H

#include <linux/types.h>

struct dma_buf;
struct dmashm_buffer;

struct dma_buf *dmashm_dmabuf_export(struct dmashm_buffer *buffer, int mode,
				     bool view);
struct dmashm_buffer *dmashm_dmabuf_buffer(struct dma_buf *dmabuf);

#endif /* DMASHM_DMABUF_H */
