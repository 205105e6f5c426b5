// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/dma_heap/dmashm, for programs written for dma-heap: they run as they
 * are. What they get is a buffer like any other, which JOIN takes.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/moduleparam.h>

#include "dmashm_buffer.h"
#include "dmashm_dmabuf.h"
#include "dmashm_heap.h"

static bool heap = true;
module_param(heap, bool, 0444);
MODULE_PARM_DESC(heap, "show /dev/dma_heap/dmashm (default: yes)");

/**
 * dmashm_heap_allocate() - a buffer for who asked the heap
 * @len:      bytes; rounded up to PAGE_SIZE
 * @fd_flags: the access mode in it becomes the dma-buf's; the rest is ignored
 *
 * Context: process, may sleep.
 * Return: the dma-buf, owned by the caller; or an ERR_PTR, as
 * dmashm_buffer_create() and dmashm_dmabuf_export() give them: -EINVAL @len
 * is 0; -EFBIG it is beyond the limit; -ENOMEM; -EINTR; -ENFILE.
 */
struct dma_buf *dmashm_heap_allocate(u64 len, u32 fd_flags)
{
	static const char name[DMASHM_NAME_LEN] = "dma-heap";
	struct dmashm_buffer *buffer;
	struct dma_buf *dmabuf;

	buffer = dmashm_buffer_create(len, 0, name);
	if (IS_ERR(buffer))
		return ERR_CAST(buffer);
	dmabuf = dmashm_dmabuf_export(buffer, fd_flags & O_ACCMODE, false);
	dmashm_buffer_put(buffer);	/* the dma-buf has its own */
	return dmabuf;
}

/**
 * dmashm_heap_register() - show the heap, where it is wanted
 *
 * Called when /dev/dmashm is there. Whoever has that open already would keep
 * no module that fails to load, so a heap that cannot be is done without: the
 * log says so, and the parameter.
 */
void dmashm_heap_register(void)
{
	int ret = heap ? dmashm_heap_show() : 0;

	if (!ret)
		return;
	heap = false;
	pr_warn("dmashm: no /dev/dma_heap/dmashm: error %d\n", ret);
}

/**
 * dmashm_heap_unregister() - take the heap away
 */
void dmashm_heap_unregister(void)
{
	if (heap)
		dmashm_heap_hide();
}
