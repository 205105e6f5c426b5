/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/dma_heap/dmashm */
#ifndef DMASHM_HEAP_H
#define DMASHM_HEAP_H

#include <linux/types.h>

struct dma_buf;

void dmashm_heap_register(void);
void dmashm_heap_unregister(void);

struct dma_buf *dmashm_heap_allocate(u64 len, u32 fd_flags);

/* How the heap is shown: dmashm_heap_core.c or dmashm_heap_device.c. */
int dmashm_heap_show(void);
void dmashm_heap_hide(void);

#endif /* DMASHM_HEAP_H */
