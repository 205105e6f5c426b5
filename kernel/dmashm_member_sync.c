// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYNC on a member fd: what DMA_BUF_IOCTL_SYNC does for a part of the data. The
 * core of dma-buf knows all or nothing, and asks exporters for no ioctl of their
 * own.
 */
#include <uapi/linux/dma-buf.h>
#include <linux/dma-direction.h>
#include <linux/errno.h>

#include "dmashm_attachment.h"
#include "dmashm_buffer.h"
#include "dmashm_member.h"
#include "dmashm_view.h"

/* As the dma-buf core translates DMA_BUF_IOCTL_SYNC. */
static int member_sync_dir(u64 flags, enum dma_data_direction *dir)
{
	switch (flags & ~(u64)DMA_BUF_SYNC_END) {
	case DMA_BUF_SYNC_READ:
		*dir = DMA_FROM_DEVICE;
		return 0;
	case DMA_BUF_SYNC_WRITE:
		*dir = DMA_TO_DEVICE;
		return 0;
	case DMA_BUF_SYNC_RW:
		*dir = DMA_BIDIRECTIONAL;
		return 0;
	default:
		return -EINVAL;
	}
}

static int member_sync_range(const struct dmashm_buffer *buffer,
			     const struct dmashm_sync *sync,
			     struct dmashm_range *range)
{
	if (!sync->length || sync->offset >= buffer->size ||
	    sync->length > buffer->size - sync->offset)
		return -EINVAL;
	range->start = sync->offset;
	range->end = sync->offset + sync->length;
	return 0;
}

static int member_begin_cpu(const struct dmashm_member *member,
			    const struct dmashm_range *range,
			    enum dma_data_direction dir)
{
	if (member->viewer)
		return dmashm_view_begin_cpu(member->buffer, range, dir);
	return dmashm_buffer_begin_cpu(member->buffer, range, dir, false);
}

static int member_end_cpu(const struct dmashm_member *member,
			  const struct dmashm_range *range,
			  enum dma_data_direction dir)
{
	if (member->viewer)
		return dmashm_view_end_cpu(member->buffer, dir);
	dmashm_attachment_end_cpu(member->buffer, range, dir);
	return 0;
}

/**
 * dmashm_member_sync() - give a range to the CPU, or to the devices
 * @member: may be a viewer
 * @sync:   from user space
 *
 * Context: process, may sleep; interruptible.
 * Return: 0; -EINVAL @sync; -EACCES a viewer that would write; -ERESTARTSYS;
 * -EUSERS.
 */
int dmashm_member_sync(const struct dmashm_member *member,
		       const struct dmashm_sync *sync)
{
	enum dma_data_direction dir;
	struct dmashm_range range;
	int ret;

	ret = member_sync_dir(sync->flags, &dir);
	if (!ret)
		ret = member_sync_range(member->buffer, sync, &range);
	if (ret)
		return ret;
	if (sync->flags & DMA_BUF_SYNC_END)
		return member_end_cpu(member, &range, dir);
	return member_begin_cpu(member, &range, dir);
}
