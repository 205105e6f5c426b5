// SPDX-License-Identifier: GPL-2.0-only
/* /dev/dmashm: where buffers come from, and where one may join by dma-buf. */
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "dmashm_buffer.h"
#include "dmashm_device.h"
#include "dmashm_dmabuf.h"
#include "dmashm_ioctl.h"
#include "dmashm_quota.h"

static int device_ioctl_create(struct file *file, struct dmashm_call *call)
{
	struct dmashm_create *create = &call->arg.create;
	struct dmashm_buffer *buffer;
	struct dma_buf *dmabuf;
	size_t size;
	int fd;

	if (strnlen(create->name, sizeof(create->name)) ==
	    sizeof(create->name))
		return -EINVAL;

	buffer = dmashm_buffer_create(create->size, create->flags,
				      create->name);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	size = dmashm_buffer_size(buffer);
	dmabuf = dmashm_dmabuf_export(buffer, O_RDWR, false);
	dmashm_buffer_put(buffer);	/* the dma-buf has its own */
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	fd = dmashm_ioctl_give_file(call, dmabuf->file);
	if (fd < 0)
		return fd;
	create->size = size;
	create->fd = fd;
	return 0;
}

static int device_ioctl_join(struct file *file, struct dmashm_call *call)
{
	return dmashm_ioctl_join(NULL, call);
}

static int device_ioctl_export(struct file *file, struct dmashm_call *call)
{
	return dmashm_ioctl_export(NULL, call);
}

static int device_ioctl_info(struct file *file, struct dmashm_call *call)
{
	return dmashm_ioctl_info(NULL, call);
}

static const struct dmashm_ioctl device_ioctls[] = {
	{ DMASHM_IOC_CREATE, DMASHM_CREATE_V0, device_ioctl_create },
	{ DMASHM_IOC_JOIN, DMASHM_JOIN_V0, device_ioctl_join },
	{ DMASHM_IOC_INFO, DMASHM_INFO_V0, device_ioctl_info },
	{ DMASHM_IOC_EXPORT, DMASHM_EXPORT_V0, device_ioctl_export },
};

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return dmashm_ioctl(file, cmd, arg, device_ioctls,
			    ARRAY_SIZE(device_ioctls));
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/*
 * What is in use, for everybody: totals only.
 */

static ssize_t buffers_show(struct device *dev, struct device_attribute *attr,
			    char *text)
{
	u64 buffers, pages;

	dmashm_quota_total(&buffers, &pages);
	return sysfs_emit(text, "%llu\n", buffers);
}
static DEVICE_ATTR_RO(buffers);

static ssize_t used_bytes_show(struct device *dev,
			       struct device_attribute *attr, char *text)
{
	u64 buffers, pages;

	dmashm_quota_total(&buffers, &pages);
	return sysfs_emit(text, "%llu\n", pages << PAGE_SHIFT);
}
static DEVICE_ATTR_RO(used_bytes);

static struct attribute *device_attrs[] = {
	&dev_attr_buffers.attr,
	&dev_attr_used_bytes.attr,
	NULL
};
ATTRIBUTE_GROUPS(device);

static struct miscdevice device_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmashm",
	.fops = &device_fops,
	.mode = 0600,
	.groups = device_groups,
};

/**
 * dmashm_device_register() - show /dev/dmashm
 *
 * Return: 0 or what misc_register() says.
 */
int dmashm_device_register(void)
{
	return misc_register(&device_misc);
}

/**
 * dmashm_device_unregister() - take /dev/dmashm away
 */
void dmashm_device_unregister(void)
{
	misc_deregister(&device_misc);
}
