// SPDX-License-Identifier: GPL-2.0-only
/*
 * The heap as one of the kernel's own, where modules may add one. The kernel's
 * core of dma-heap then answers the ioctl and makes the fd.
 *
 * It has no way to remove a heap, and counts no reference to the module for
 * those who have it open. So once there is one, the module stays: it can be
 * loaded with heap=0 by who wants to unload it.
 */
#include <linux/dma-heap.h>
#include <linux/err.h>
#include <linux/module.h>

#include "dmashm_heap.h"

static struct dma_buf *heap_core_allocate(struct dma_heap *heap,
					  unsigned long len, u32 fd_flags,
					  u64 heap_flags)
{
	return dmashm_heap_allocate(len, fd_flags);
}

static const struct dma_heap_ops heap_core_ops = {
	.allocate = heap_core_allocate,
};

/**
 * dmashm_heap_show() - register /dev/dma_heap/dmashm
 *
 * Return: 0 or what dma_heap_add() says.
 */
int dmashm_heap_show(void)
{
	static const struct dma_heap_export_info info = {
		.name = "dmashm",
		.ops = &heap_core_ops,
	};
	struct dma_heap *heap = dma_heap_add(&info);

	if (IS_ERR(heap))
		return PTR_ERR(heap);
	__module_get(THIS_MODULE);	/* for ever */
	return 0;
}

/**
 * dmashm_heap_hide() - never called: the module cannot be unloaded
 */
void dmashm_heap_hide(void)
{
}

MODULE_INFO(import_ns, "DMA_BUF_HEAP");
