// SPDX-License-Identifier: GPL-2.0-only
/*
 * An importer of dma-bufs that does what it is told: the calls of
 * <linux/dma-buf.h>, on behalf of test programs.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmashm_compat.h"
#include "dmashm_import.h"
#include "dmashm_importer.h"

static struct platform_device *importer_device;

/* An open of the device is a struct import; tests call it from one thread. */

static long importer_attach(struct import *import, void __user *user)
{
	s32 fd;

	if (copy_from_user(&fd, user, sizeof(fd)))
		return -EFAULT;
	return import_attach(import, fd, &importer_device->dev);
}

static long importer_map(struct import *import, void __user *user)
{
	u32 value;
	int ret;

	if (copy_from_user(&value, user, sizeof(value)))
		return -EFAULT;
	ret = import_map(import, value);
	if (ret)
		return ret;
	value = import->table->nents;
	return copy_to_user(user, &value, sizeof(value)) ? -EFAULT : 0;
}

/* Not through the core, that takes a refusal for a fault, and warns of it. */
static long importer_vmap(struct import *import)
{
	struct dma_buf *dmabuf = import->attachment->dmabuf;
	struct iosys_map map;
	int ret;

	if (!dmabuf->ops->vmap)
		return -EINVAL;	/* as the core says */
	dma_resv_lock(dmabuf->resv, NULL);
	ret = dmabuf->ops->vmap(dmabuf, &map);
	if (!ret)
		dmabuf->ops->vunmap(dmabuf, &map);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

static long importer_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct import *import = file->private_data;
	void __user *user = (void __user *)arg;

	if (cmd == IMPORTER_IOC_OPEN)
		return importer_attach(import, user);
	if (!import->attachment)
		return -EBADFD;
	switch (cmd) {
	case IMPORTER_IOC_MAP:
		return importer_map(import, user);
	case IMPORTER_IOC_UNMAP:
		return import_unmap(import);
	case IMPORTER_IOC_VMAP:
		return importer_vmap(import);
	}
	return -ENOTTY;
}

static int importer_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct import *import = file->private_data;

	if (!import->attachment)
		return -EBADFD;
	return dma_buf_mmap(import->attachment->dmabuf, vma, vma->vm_pgoff);
}

static int importer_open(struct inode *inode, struct file *file)
{
	struct import *import = kzalloc(sizeof(*import), GFP_KERNEL);

	file->private_data = import;
	return import ? 0 : -ENOMEM;
}

static int importer_release(struct inode *inode, struct file *file)
{
	import_detach(file->private_data);
	kfree(file->private_data);
	return 0;
}

static const struct file_operations importer_fops = {
	.owner = THIS_MODULE,
	.open = importer_open,
	.release = importer_release,
	.unlocked_ioctl = importer_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = importer_mmap,
};

static struct miscdevice importer_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmashm_importer",
	.fops = &importer_fops,
	.mode = 0600,
};

static int __init importer_init(void)
{
	int ret;

	importer_device = platform_device_register_simple("dmashm_importer", -1,
							  NULL, 0);
	if (IS_ERR(importer_device))
		return PTR_ERR(importer_device);
	ret = dma_coerce_mask_and_coherent(&importer_device->dev,
					   DMA_BIT_MASK(64));
	import_limit_segments(&importer_device->dev, 0);
	if (!ret)
		ret = misc_register(&importer_misc);
	if (ret)
		platform_device_unregister(importer_device);
	return ret;
}

static void __exit importer_exit(void)
{
	misc_deregister(&importer_misc);
	platform_device_unregister(importer_device);
}

module_init(importer_init);
module_exit(importer_exit);

MODULE_DESCRIPTION("An importer of dma-bufs, for the tests of dmashm");
MODULE_LICENSE("GPL");
DMASHM_IMPORT_DMA_BUF();
