// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dma_buf_ops. They translate; what they do is in dmashm_attachment.c,
 * dmashm_mmap.c and dmashm_buffer.c.
 *
 * Who holds dmabuf->resv (R), or not (-), when the core calls; the prototypes
 * are the same and a build proves nothing. "i": as the importer does it.
 *
 *                        6.1    6.12   7.2
 *   attach, detach        -      -      -
 *   map_dma_buf           i      R      R
 *   unmap_dma_buf         i      R      R
 *   begin_cpu_access      -      -      -
 *   end_cpu_access        -      -      -
 *   mmap                  -      -      -    (6.3 to 6.11: R at times)
 *   vmap, vunmap          D      R      R    (D: dmabuf->lock, a mutex)
 *   release               -      -      -
 *
 * So nothing below may take the dma_resv lock, and buffer->lock nests inside.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/iosys-map.h>
#include <linux/module.h>

#include "dmashm_attachment.h"
#include "dmashm_buffer.h"
#include "dmashm_dmabuf.h"
#include "dmashm_mmap.h"
#include "dmashm_writer.h"
#include "dmashm_view.h"

enum { DMABUF_PLAIN, DMABUF_VIEW, DMABUF_KINDS };

static const struct dma_buf_ops dmabuf_ops[DMABUF_KINDS];

/*
 * All dma-bufs lie over the same pages; some of them are views, which nobody may
 * write through. The mode of the file does not say so: who asks a heap for a
 * read-only fd, as dma-heap has it, has only the CPU in mind.
 */
static bool dmabuf_is_writable(const struct dma_buf *dmabuf)
{
	return dmabuf->ops != &dmabuf_ops[DMABUF_VIEW];
}

/* 0 if one could write through it from now on; -EACCES, -EPERM if sealed, -EINTR. */
static int dmabuf_add_writer(const struct dma_buf *dmabuf)
{
	struct dmashm_buffer *buffer = dmabuf->priv;

	if (!dmabuf_is_writable(dmabuf))
		return -EACCES;
	return dmashm_writer_add(&buffer->writers);
}

/* What an attachment may do is settled here. */
static int dmabuf_attach(struct dma_buf *dmabuf,
			 struct dma_buf_attachment *attachment)
{
	struct dmashm_attachment *ours;

	ours = dmashm_attachment_add(dmabuf->priv, attachment->dev);
	if (IS_ERR(ours))
		return PTR_ERR(ours);
	ours->writing = dmabuf_add_writer(dmabuf);
	if (ours->writing == -EINTR) {
		dmashm_attachment_remove(dmabuf->priv, ours);
		return -EINTR;
	}
	attachment->priv = ours;
	return 0;
}

static void dmabuf_detach(struct dma_buf *dmabuf,
			  struct dma_buf_attachment *attachment)
{
	struct dmashm_attachment *ours = attachment->priv;
	struct dmashm_buffer *buffer = dmabuf->priv;
	bool wrote = !ours->writing;

	dmashm_attachment_remove(buffer, ours);
	if (wrote)
		dmashm_writer_remove(&buffer->writers);
}

static struct sg_table *dmabuf_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction dir)
{
	const struct dmashm_attachment *ours = attachment->priv;

	/* Devices may only read what the one who handed it to them may. */
	if (ours->writing && dir != DMA_TO_DEVICE)
		return ERR_PTR(ours->writing);
	return dmashm_attachment_map(attachment->dmabuf->priv, attachment->dev,
				     dir);
}

static void dmabuf_unmap(struct dma_buf_attachment *attachment,
			 struct sg_table *table, enum dma_data_direction dir)
{
	dmashm_attachment_unmap(attachment->dmabuf->priv, table);
}

static int dmabuf_begin_cpu_access(struct dma_buf *dmabuf,
				   enum dma_data_direction dir)
{
	struct dmashm_range all = dmashm_buffer_whole(dmabuf->priv);

	if (!dmabuf_is_writable(dmabuf))
		return dmashm_view_begin_cpu(dmabuf->priv, &all, dir);
	/*
	 * The core waits for fences after this call, and we must sync after
	 * them: what the device has not finished cannot be copied yet.
	 */
	return dmashm_buffer_begin_cpu(dmabuf->priv, &all, dir, false);
}

static int dmabuf_end_cpu_access(struct dma_buf *dmabuf,
				 enum dma_data_direction dir)
{
	struct dmashm_range all = dmashm_buffer_whole(dmabuf->priv);

	if (!dmabuf_is_writable(dmabuf))
		return dmashm_view_end_cpu(dmabuf->priv, dir);
	dmashm_attachment_end_cpu(dmabuf->priv, &all, dir);
	return 0;
}

static int dmabuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	return dmashm_mmap(dmabuf->priv, vma, dmabuf_is_writable(dmabuf));
}

static int dmabuf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	void *vaddr = dmashm_buffer_vmap(dmabuf->priv);

	if (IS_ERR(vaddr))
		return PTR_ERR(vaddr);
	iosys_map_set_vaddr(map, vaddr);
	return 0;
}

static void dmabuf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	dmashm_buffer_vunmap(dmabuf->priv);
}

static void dmabuf_release(struct dma_buf *dmabuf)
{
	dmashm_buffer_put(dmabuf->priv);
}

/* What both kinds have: functions that ask which of the two it is. */
#define DMABUF_OPS						\
	.attach = dmabuf_attach,				\
	.detach = dmabuf_detach,				\
	.map_dma_buf = dmabuf_map,				\
	.unmap_dma_buf = dmabuf_unmap,				\
	.begin_cpu_access = dmabuf_begin_cpu_access,		\
	.end_cpu_access = dmabuf_end_cpu_access,		\
	.mmap = dmabuf_mmap,					\
	.release = dmabuf_release

/*
 * There is no way to ask for a vmap that can only be read, so views have none;
 * one that refused would have the core warn of the exporter.
 */
static const struct dma_buf_ops dmabuf_ops[DMABUF_KINDS] = {
	[DMABUF_PLAIN] = {
		DMABUF_OPS,
		.vmap = dmabuf_vmap,
		.vunmap = dmabuf_vunmap,
	},
	[DMABUF_VIEW] = { DMABUF_OPS },
};

/**
 * dmashm_dmabuf_export() - make a dma-buf over a buffer
 * @buffer: the dma-buf takes a reference of its own
 * @mode:   O_RDONLY, O_WRONLY or O_RDWR: what the CPU may do with its fd
 * @view:   nobody may write through it, devices neither; with O_RDONLY
 *
 * All dma-bufs over a buffer share its dma_resv, hence its fences.
 *
 * Return: the dma-buf, owned by the caller; or an ERR_PTR: -ENOMEM, -ENFILE.
 */
struct dma_buf *dmashm_dmabuf_export(struct dmashm_buffer *buffer, int mode,
				     bool view)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	info.ops = &dmabuf_ops[view ? DMABUF_VIEW : DMABUF_PLAIN];
	info.size = buffer->size;
	info.flags = mode | O_CLOEXEC;
	info.resv = &buffer->resv;
	info.priv = dmashm_buffer_ref(buffer);	/* until ->release */
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		dmashm_buffer_put(buffer);
	return dmabuf;
}

/**
 * dmashm_dmabuf_buffer() - the buffer behind a dma-buf
 * @dmabuf: any dma-buf
 *
 * Return: the buffer, no reference taken; NULL if it is none of ours.
 */
struct dmashm_buffer *dmashm_dmabuf_buffer(struct dma_buf *dmabuf)
{
	if (dmabuf->ops != &dmabuf_ops[DMABUF_PLAIN] &&
	    dmabuf->ops != &dmabuf_ops[DMABUF_VIEW])
		return NULL;
	return dmabuf->priv;
}
