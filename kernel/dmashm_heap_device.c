// SPDX-License-Identifier: GPL-2.0-only
/*
 * The heap as a device of our own, where the kernel lets no module add a heap
 * or has none at all. It answers DMA_HEAP_IOCTL_ALLOC as the core of dma-heap
 * does, down to the errnos.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ioctl.h>
#include <linux/minmax.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/stddef.h>
#include <linux/uaccess.h>
#include <uapi/linux/dma-heap.h>

#include "dmashm_heap.h"

/* The argument's size is part of a command; the caller's may be older or newer. */
static unsigned int heap_device_command(unsigned int cmd)
{
	return cmd & ~IOCSIZE_MASK;
}

static int heap_device_check(const struct dma_heap_allocation_data *data)
{
	if (data->fd)
		return -EINVAL;
	if (data->fd_flags & ~(u32)DMA_HEAP_VALID_FD_FLAGS)
		return -EINVAL;
	if (data->heap_flags & ~(u64)DMA_HEAP_VALID_HEAP_FLAGS)
		return -EINVAL;
	/* 0, or so much that it comes to 0 when rounded up. */
	if (!PAGE_ALIGN(data->len))
		return -EINVAL;
	return 0;
}

/* @size: of @data, as much as the caller has room for. */
static int heap_device_alloc(struct dma_heap_allocation_data *data,
			     void __user *user, size_t size)
{
	struct dma_buf *dmabuf;
	int fd, ret;

	ret = heap_device_check(data);
	if (ret)
		return ret;
	dmabuf = dmashm_heap_allocate(data->len, data->fd_flags);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	ret = get_unused_fd_flags(data->fd_flags & O_CLOEXEC);
	if (ret < 0)
		goto put_dmabuf;
	fd = ret;
	data->fd = fd;
	ret = -EFAULT;
	if (copy_to_user(user, data, size))
		goto put_fd;
	fd_install(fd, dmabuf->file);
	return 0;

put_fd:
	put_unused_fd(fd);
put_dmabuf:
	dma_buf_put(dmabuf);
	return ret;
}

static long heap_device_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	struct dma_heap_allocation_data data = {};
	void __user *user = (void __user *)arg;
	size_t size = min_t(size_t, _IOC_SIZE(cmd), sizeof(data));

	/* Not -ENOTTY: neither does dma-heap. */
	if (heap_device_command(cmd) !=
	    heap_device_command(DMA_HEAP_IOCTL_ALLOC))
		return -EINVAL;
	/* Too short to tell the caller its fd. */
	if (size < offsetofend(struct dma_heap_allocation_data, fd))
		return -EINVAL;
	/*
	 * What the caller's struct does not have is zero; what ours does not
	 * have, dma-heap ignores.
	 */
	if (copy_from_user(&data, user, size))
		return -EFAULT;
	return heap_device_alloc(&data, user, size);
}

static const struct file_operations heap_device_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = heap_device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice heap_device_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmashm_heap",
	.nodename = "dma_heap/dmashm",
	.fops = &heap_device_fops,
	.mode = 0600,
};

/**
 * dmashm_heap_show() - show /dev/dma_heap/dmashm
 *
 * Return: 0 or what misc_register() says.
 */
int dmashm_heap_show(void)
{
	return misc_register(&heap_device_misc);
}

/**
 * dmashm_heap_hide() - take it away
 */
void dmashm_heap_hide(void)
{
	misc_deregister(&heap_device_misc);
}
