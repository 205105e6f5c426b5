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
#include "dmashm_importer.h"

static struct platform_device *importer_device;

/* One open of the device; the test programs call it from one thread. */
struct importer {
	struct dma_buf_attachment *attachment;	/* NULL before OPEN */
	struct sg_table *table;			/* NULL while not mapped */
	enum dma_data_direction dir;		/* of table */
};

static long importer_attach(struct importer *importer, void __user *user)
{
	struct dma_buf_attachment *attachment;
	struct dma_buf *dmabuf;
	s32 fd;

	if (copy_from_user(&fd, user, sizeof(fd)))
		return -EFAULT;
	if (importer->attachment)
		return -EBUSY;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	attachment = dma_buf_attach(dmabuf, &importer_device->dev);
	if (IS_ERR(attachment)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attachment);
	}
	importer->attachment = attachment;
	return 0;
}

static long importer_map(struct importer *importer, void __user *user)
{
	struct sg_table *table;
	u32 value;

	if (copy_from_user(&value, user, sizeof(value)))
		return -EFAULT;
	if (value > DMA_FROM_DEVICE)
		return -EINVAL;
	if (importer->table)
		return -EBUSY;
	importer->dir = value;
	table = dma_buf_map_attachment_unlocked(importer->attachment,
						importer->dir);
	if (IS_ERR(table))
		return PTR_ERR(table);
	importer->table = table;
	value = table->nents;
	return copy_to_user(user, &value, sizeof(value)) ? -EFAULT : 0;
}

static long importer_unmap(struct importer *importer)
{
	if (!importer->table)
		return -EINVAL;
	dma_buf_unmap_attachment_unlocked(importer->attachment, importer->table,
					  importer->dir);
	importer->table = NULL;
	return 0;
}

static long importer_vmap(struct importer *importer)
{
	struct dma_buf *dmabuf = importer->attachment->dmabuf;
	struct iosys_map map;
	int ret;

	/* Asked first: the core takes a refusal for a fault, and warns of it. */
	dma_resv_lock(dmabuf->resv, NULL);
	ret = dmabuf->ops->vmap(dmabuf, &map);
	if (!ret)
		dmabuf->ops->vunmap(dmabuf, &map);
	dma_resv_unlock(dmabuf->resv);
	if (ret)
		return ret;
	ret = dma_buf_vmap_unlocked(dmabuf, &map);
	if (!ret)
		dma_buf_vunmap_unlocked(dmabuf, &map);
	return ret;
}

static long importer_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct importer *importer = file->private_data;
	void __user *user = (void __user *)arg;

	if (cmd == IMPORTER_IOC_OPEN)
		return importer_attach(importer, user);
	if (!importer->attachment)
		return -EBADFD;
	switch (cmd) {
	case IMPORTER_IOC_MAP:
		return importer_map(importer, user);
	case IMPORTER_IOC_UNMAP:
		return importer_unmap(importer);
	case IMPORTER_IOC_VMAP:
		return importer_vmap(importer);
	}
	return -ENOTTY;
}

static int importer_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct importer *importer = file->private_data;

	if (!importer->attachment)
		return -EBADFD;
	return dma_buf_mmap(importer->attachment->dmabuf, vma, vma->vm_pgoff);
}

static int importer_open(struct inode *inode, struct file *file)
{
	struct importer *importer = kzalloc(sizeof(*importer), GFP_KERNEL);

	file->private_data = importer;
	return importer ? 0 : -ENOMEM;
}

static int importer_release(struct inode *inode, struct file *file)
{
	struct importer *importer = file->private_data;
	struct dma_buf *dmabuf;

	if (importer->attachment) {
		importer_unmap(importer);
		dmabuf = importer->attachment->dmabuf;
		dma_buf_detach(dmabuf, importer->attachment);
		dma_buf_put(dmabuf);
	}
	kfree(importer);
	return 0;
}

static const struct file_operations importer_fops = {
	.owner = THIS_MODULE,
	.open = importer_open,
	.release = importer_release,
	.unlocked_ioctl = importer_ioctl,
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
