// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver of QEMU's "edu" PCI device that imports dma-bufs and does DMA as it
 * is told: a device behind the real DMA API, on behalf of test programs.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmashm_compat.h"
#include "dmashm_edu.h"
#include "dmashm_import.h"

#define EDU_VENDOR	0x1234
#define EDU_ID		0x11e8

/* Registers of 64 bits, and where the engine finds the device's memory. */
#define EDU_SOURCE	0x80
#define EDU_TARGET	0x88
#define EDU_COUNT	0x90
#define EDU_COMMAND	0x98
#define EDU_MEMORY	0x40000

#define EDU_RUN		0x1	/* clears itself */
#define EDU_TO_HOST	0x2

/* At a time: QEMU before 8.1 takes all of the 4 KiB for one byte too many. */
#define EDU_PIECE	2048

/* The device; there is one. */
struct edu {
	struct pci_dev *pdev;
	void __iomem *registers;
	struct mutex engine;		/* registers, staging, broken */
	void *staging;			/* EDU_PIECE bytes that it can reach */
	dma_addr_t staging_address;
	bool broken;			/* a transfer did not end */
	struct mutex limit;		/* the longest segment is the device's */
};

static struct edu edu;

/* One open of its file. */
struct edu_user {
	struct mutex lock;		/* all below */
	struct import import;
	bool by_cpu;
	size_t trimmed;			/* bytes, off the first segment */
};

/*
 * The engine
 */

static int engine_move(dma_addr_t from, dma_addr_t to, size_t n, u64 command)
{
	u64 state;
	int ret;

	lockdep_assert_held(&edu.engine);
	if (edu.broken)
		return -EIO;
	writeq(from, edu.registers + EDU_SOURCE);
	writeq(to, edu.registers + EDU_TARGET);
	writeq(n, edu.registers + EDU_COUNT);
	writeq(command | EDU_RUN, edu.registers + EDU_COMMAND);
	ret = readq_poll_timeout(edu.registers + EDU_COMMAND, state,
				 !(state & EDU_RUN), 1000, 10 * USEC_PER_SEC);
	edu.broken = ret;
	return ret;
}

static int engine_read(dma_addr_t at, char __user *to, size_t n)
{
	int ret;

	mutex_lock(&edu.engine);
	ret = engine_move(at, EDU_MEMORY, n, 0);
	if (!ret)
		ret = engine_move(EDU_MEMORY, edu.staging_address, n,
				  EDU_TO_HOST);
	if (!ret && copy_to_user(to, edu.staging, n))
		ret = -EFAULT;
	mutex_unlock(&edu.engine);
	return ret;
}

static int engine_write(dma_addr_t at, const char __user *from, size_t n)
{
	int ret;

	mutex_lock(&edu.engine);
	if (copy_from_user(edu.staging, from, n))
		ret = -EFAULT;
	else
		ret = engine_move(edu.staging_address, EDU_MEMORY, n, 0);
	if (!ret)
		ret = engine_move(EDU_MEMORY, at, n, EDU_TO_HOST);
	mutex_unlock(&edu.engine);
	return ret;
}

/*
 * What the device is given
 */

/* Where the device finds an offset of the buffer, and how much follows there. */
static dma_addr_t user_locate(struct edu_user *user, loff_t offset, size_t *n)
{
	struct scatterlist *sg;
	unsigned int i;

	offset -= user->trimmed;
	for_each_sgtable_dma_sg(user->import.table, sg, i) {
		if (offset < sg_dma_len(sg)) {
			*n = min_t(u64, *n, sg_dma_len(sg) - offset);
			return sg_dma_address(sg) + offset;
		}
		offset -= sg_dma_len(sg);
	}
	return DMA_MAPPING_ERROR;
}

/* Without an IOMMU it is an address of the memory, the bounce buffer's too. */
static void *user_pointer(dma_addr_t address)
{
	return page_address(pfn_to_page(PHYS_PFN(address))) +
	       offset_in_page(address);
}

static int user_read(struct edu_user *user, dma_addr_t at, char __user *to,
		     size_t n)
{
	if (!user->by_cpu)
		return engine_read(at, to, n);
	return copy_to_user(to, user_pointer(at), n) ? -EFAULT : 0;
}

static int user_write(struct edu_user *user, dma_addr_t at,
		      const char __user *from, size_t n)
{
	if (!user->by_cpu)
		return engine_write(at, from, n);
	return copy_from_user(user_pointer(at), from, n) ? -EFAULT : 0;
}

static int user_check(struct edu_user *user, loff_t offset, size_t length,
		      enum dma_data_direction dir)
{
	struct import *import = &user->import;
	size_t size;

	if (!import->table)
		return -EBADFD;
	if (import->dir != DMA_BIDIRECTIONAL && import->dir != dir)
		return -EACCES;
	size = import->attachment->dmabuf->size;
	if (offset < user->trimmed || offset > size || length > size - offset)
		return -EINVAL;
	return 0;
}

/* In pieces that lie in one segment. The first fault ends it. */
static int user_move(struct edu_user *user, char __user *data, size_t length,
		     loff_t offset, enum dma_data_direction dir)
{
	size_t n;
	int ret;

	ret = user_check(user, offset, length, dir);
	for (; length && !ret; length -= n, data += n, offset += n) {
		dma_addr_t at;

		n = min_t(size_t, length, EDU_PIECE);
		at = user_locate(user, offset, &n);
		if (at == DMA_MAPPING_ERROR)
			return -EIO;
		ret = dir == DMA_TO_DEVICE ? user_read(user, at, data, n) :
					     user_write(user, at, data, n);
	}
	return ret;
}

/*
 * The file
 */

static ssize_t edu_read(struct file *file, char __user *to, size_t length,
			loff_t *offset)
{
	struct edu_user *user = file->private_data;
	int ret;

	mutex_lock(&user->lock);
	ret = user_move(user, to, length, *offset, DMA_TO_DEVICE);
	mutex_unlock(&user->lock);
	return ret ?: length;
}

static ssize_t edu_write(struct file *file, const char __user *from,
			 size_t length, loff_t *offset)
{
	struct edu_user *user = file->private_data;
	int ret;

	mutex_lock(&user->lock);
	ret = user_move(user, (char __user *)from, length, *offset,
			DMA_FROM_DEVICE);
	mutex_unlock(&user->lock);
	return ret ?: length;
}

static long user_attach(struct edu_user *user, void __user *arg)
{
	s32 fd;

	if (copy_from_user(&fd, arg, sizeof(fd)))
		return -EFAULT;
	return import_attach(&user->import, fd, &edu.pdev->dev);
}

static void user_describe(struct edu_user *user, struct edu_map *map)
{
	struct scatterlist *sg;
	unsigned int i;

	map->segments = user->import.table->nents;
	map->longest = 0;
	map->bounced = 0;
	for_each_sgtable_dma_sg(user->import.table, sg, i) {
		map->longest = max(map->longest, sg_dma_len(sg));
		map->bounced += sg_dma_address(sg) !=
				page_to_phys(import_page(sg)) + sg->offset;
	}
}

static void user_trim(struct edu_user *user, size_t n)
{
	struct scatterlist *first = user->import.table->sgl;

	if (sg_dma_len(first) <= n)
		return;
	sg_dma_address(first) += n;
	sg_dma_len(first) -= n;
	user->trimmed = n;
}

static long user_unmap(struct edu_user *user)
{
	struct import *import = &user->import;

	if (user->trimmed) {
		sg_dma_address(import->table->sgl) -= user->trimmed;
		sg_dma_len(import->table->sgl) += user->trimmed;
		user->trimmed = 0;
	}
	return import_unmap(import);
}

static long user_map(struct edu_user *user, void __user *arg)
{
	struct edu_map map;
	int ret;

	if (copy_from_user(&map, arg, sizeof(map)))
		return -EFAULT;
	if (map.flags & ~(EDU_MAP_BY_CPU | EDU_MAP_TRIM))
		return -EINVAL;
	mutex_lock(&edu.limit);
	import_limit_segments(&edu.pdev->dev, map.max_segment);
	ret = import_map(&user->import, map.direction);
	mutex_unlock(&edu.limit);
	if (ret)
		return ret;
	user->by_cpu = map.flags & EDU_MAP_BY_CPU;
	user_describe(user, &map);
	if (map.flags & EDU_MAP_TRIM)
		user_trim(user, PAGE_SIZE);
	return copy_to_user(arg, &map, sizeof(map)) ? -EFAULT : 0;
}

static void user_detach(struct edu_user *user)
{
	user_unmap(user);
	import_detach(&user->import);
}

static long user_ioctl(struct edu_user *user, unsigned int cmd,
		       void __user *arg)
{
	if (cmd == EDU_IOC_ATTACH)
		return user_attach(user, arg);
	if (!user->import.attachment)
		return -EBADFD;
	switch (cmd) {
	case EDU_IOC_DETACH:
		user_detach(user);
		return 0;
	case EDU_IOC_MAP:
		return user_map(user, arg);
	case EDU_IOC_UNMAP:
		return user_unmap(user);
	}
	return -ENOTTY;
}

static long edu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct edu_user *user = file->private_data;
	long ret;

	mutex_lock(&user->lock);
	ret = user_ioctl(user, cmd, (void __user *)arg);
	mutex_unlock(&user->lock);
	return ret;
}

static int edu_open(struct inode *inode, struct file *file)
{
	struct edu_user *user = kzalloc(sizeof(*user), GFP_KERNEL);

	if (!user)
		return -ENOMEM;
	mutex_init(&user->lock);
	file->private_data = user;
	return 0;
}

static int edu_release(struct inode *inode, struct file *file)
{
	struct edu_user *user = file->private_data;

	user_detach(user);
	mutex_destroy(&user->lock);
	kfree(user);
	return 0;
}

static const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_release,
	.read = edu_read,
	.write = edu_write,
	.unlocked_ioctl = edu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice edu_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmashm_edu",
	.fops = &edu_fops,
	.mode = 0600,
};

/*
 * The device
 */

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret;

	if (edu.pdev)
		return -EBUSY;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	edu.registers = pcim_iomap(pdev, 0, 0);
	edu.staging = dmam_alloc_coherent(&pdev->dev, EDU_PIECE,
					  &edu.staging_address, GFP_KERNEL);
	if (!edu.registers || !edu.staging)
		return -ENOMEM;
	mutex_init(&edu.engine);
	mutex_init(&edu.limit);
	pci_set_master(pdev);
	edu.pdev = pdev;
	ret = misc_register(&edu_misc);
	if (ret)
		edu.pdev = NULL;
	return ret;
}

static void edu_remove(struct pci_dev *pdev)
{
	misc_deregister(&edu_misc);
	edu.pdev = NULL;
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "dmashm_edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
	/* Opens keep the module, and nothing else would keep the device. */
	.driver.suppress_bind_attrs = true,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("QEMU's edu device, for the tests of dmashm");
MODULE_LICENSE("GPL");
DMASHM_IMPORT_DMA_BUF();
