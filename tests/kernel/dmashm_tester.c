// SPDX-License-Identifier: GPL-2.0-only
/* The in-kernel API, called on behalf of test programs. */
#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/dmashm.h>

#include "dmashm_compat.h"
#include "dmashm_import.h"
#include "dmashm_tester.h"

/* One open of the device; the test programs call it from one thread. */
struct tester {
	struct dma_buf *dmabuf;		/* a reference, NULL before OPEN */
	struct dmashm_buffer *buffer;	/* a reference, NULL before OPEN */
};

static long tester_open_buffer(struct tester *tester, void __user *user)
{
	struct dmashm_buffer *buffer;
	struct tester_open arg;
	struct dma_buf *dmabuf;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (tester->buffer)
		return -EBUSY;
	dmabuf = dma_buf_get(arg.dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	buffer = dmashm_buffer_get(dmabuf, FMODE_READ | FMODE_WRITE);
	if (IS_ERR(buffer)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(buffer);
	}
	tester->dmabuf = dmabuf;
	tester->buffer = buffer;
	return 0;
}

struct tester_adder {
	struct dmashm_buffer *buffer;
	u64 *counter;
	u32 rounds;
	bool guarded;
	int result;
	struct completion done;
};

static int adder_lock(struct dmashm_buffer *buffer)
{
	return dmashm_buffer_lock(buffer, ktime_get_ns() + 60 * NSEC_PER_SEC);
}

static int adder_thread(void *data)
{
	struct tester_adder *adder = data;
	u32 i;

	for (i = 0; i < adder->rounds && !adder->result; i++) {
		u64 value;

		if (adder->guarded)
			adder->result = adder_lock(adder->buffer);
		if (adder->result == -EOWNERDEAD)
			dmashm_buffer_unlock(adder->buffer);
		if (adder->result)
			break;
		value = READ_ONCE(*adder->counter);
		cpu_relax();
		WRITE_ONCE(*adder->counter, value + 1);
		if (adder->guarded)
			adder->result = dmashm_buffer_unlock(adder->buffer);
		cond_resched();
	}
	/* Not complete() and return: the module may go as soon as we are done. */
	kthread_complete_and_exit(&adder->done, 0);
}

static long tester_count(struct tester *tester, void __user *user)
{
	struct tester_adder adder = { .buffer = tester->buffer };
	struct task_struct *thread;
	struct tester_count arg;
	void *vaddr;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.offset % 8 ||
	    arg.offset > dmashm_buffer_size(tester->buffer) - sizeof(u64))
		return -EINVAL;
	vaddr = dmashm_buffer_vmap(tester->buffer);
	if (IS_ERR(vaddr))
		return PTR_ERR(vaddr);
	adder.counter = vaddr + arg.offset;
	adder.rounds = arg.rounds;
	adder.guarded = arg.guarded;
	init_completion(&adder.done);
	thread = kthread_run(adder_thread, &adder, "dmashm_tester");
	if (IS_ERR(thread))
		adder.result = PTR_ERR(thread);
	else
		wait_for_completion(&adder.done);
	dmashm_buffer_vunmap(tester->buffer);
	return adder.result;
}

struct tester_recorder {
	struct dmashm_buffer *buffer;
	u64 *words;
	struct tester_record *arg;
	int result;
	struct completion done;
};

static bool recorder_torn(const u64 *words)
{
	u64 value = READ_ONCE(words[0]);
	int i;

	for (i = TESTER_RECORD - 1; i; i--)
		if (READ_ONCE(words[i]) != value)
			return true;
	return false;
}

static void recorder_write(u64 *words)
{
	u64 value = READ_ONCE(words[0]) + 1;
	int i;

	for (i = 0; i < TESTER_RECORD; i++)
		WRITE_ONCE(words[i], value);
}

static int recorder_lock(struct tester_recorder *recorder, bool write)
{
	u64 deadline = ktime_get_ns() + 60 * NSEC_PER_SEC;

	if (!recorder->arg->guarded)
		return 0;
	return write ? dmashm_buffer_lock(recorder->buffer, deadline) :
		       dmashm_buffer_lock_shared(recorder->buffer, deadline);
}

static int recorder_unlock(struct tester_recorder *recorder, bool write)
{
	if (!recorder->arg->guarded)
		return 0;
	return write ? dmashm_buffer_unlock(recorder->buffer) :
		       dmashm_buffer_unlock_shared(recorder->buffer);
}

static int recorder_thread(void *data)
{
	struct tester_recorder *recorder = data;
	struct tester_record *arg = recorder->arg;
	u32 i;

	for (i = 0; i < arg->rounds && !recorder->result; i++) {
		bool write = arg->guarded && i % 4 == 0;

		recorder->result = recorder_lock(recorder, write);
		if (recorder->result == -EOWNERDEAD)
			recorder_unlock(recorder, write);
		if (recorder->result)
			break;
		arg->torn += recorder_torn(recorder->words);
		if (write)
			recorder_write(recorder->words);
		arg->written += write;
		recorder->result = recorder_unlock(recorder, write);
		cond_resched();
	}
	kthread_complete_and_exit(&recorder->done, 0);
}

static long tester_record(struct tester *tester, void __user *user)
{
	struct tester_recorder recorder = { .buffer = tester->buffer };
	struct tester_record arg;
	struct task_struct *thread;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	arg.written = 0;
	arg.torn = 0;
	recorder.arg = &arg;
	recorder.words = dmashm_buffer_vmap(tester->buffer);
	if (IS_ERR(recorder.words))
		return PTR_ERR(recorder.words);
	init_completion(&recorder.done);
	thread = kthread_run(recorder_thread, &recorder, "dmashm_tester");
	if (IS_ERR(thread))
		recorder.result = PTR_ERR(thread);
	else
		wait_for_completion(&recorder.done);
	dmashm_buffer_vunmap(tester->buffer);
	if (recorder.result)
		return recorder.result;
	return copy_to_user(user, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long tester_lock(struct tester *tester, void __user *user,
			int (*lock)(struct dmashm_buffer *buffer, u64 deadline))
{
	u64 deadline;

	if (copy_from_user(&deadline, user, sizeof(deadline)))
		return -EFAULT;
	return lock(tester->buffer, deadline);
}

static long tester_size(struct tester *tester, void __user *user)
{
	u64 size = dmashm_buffer_size(tester->buffer);

	return copy_to_user(user, &size, sizeof(size)) ? -EFAULT : 0;
}

static long tester_vmap(struct tester *tester, void __user *user)
{
	struct iosys_map map;
	u64 value;
	u64 *word;
	void *vaddr;
	int ret;

	if (copy_from_user(&value, user, sizeof(value)))
		return -EFAULT;
	if (value % 8 || value > dmashm_buffer_size(tester->buffer) - 8)
		return -EINVAL;
	ret = dma_buf_vmap_unlocked(tester->dmabuf, &map);
	if (ret)
		return ret;
	word = map.vaddr + value;
	value = READ_ONCE(*word);
	/* Both ways are one mapping. */
	vaddr = dmashm_buffer_vmap(tester->buffer);
	if (vaddr != map.vaddr)
		ret = -EXDEV;
	else
		WRITE_ONCE(*word, value + 1);
	if (!IS_ERR(vaddr))
		dmashm_buffer_vunmap(tester->buffer);
	dma_buf_vunmap_unlocked(tester->dmabuf, &map);
	if (ret)
		return ret;
	return copy_to_user(user, &value, sizeof(value)) ? -EFAULT : 0;
}

static int table_check(struct sg_table *table, struct tester_table *arg,
		       u64 pages)
{
	struct scatterlist *sg;
	u64 page = 0;
	int i;

	for_each_sgtable_sg(table, sg, i) {
		void *vaddr = page_address(import_page(sg)) + sg->offset;
		unsigned int at;

		if (arg->max_segment && sg->length > arg->max_segment)
			return -EMSGSIZE;
		for (at = 0; at < sg->length; at += PAGE_SIZE, page++)
			if (*(u64 *)(vaddr + at) != page)
				return -EBADMSG;
	}
	arg->entries = table->orig_nents;
	return page == pages ? 0 : -EBADMSG;
}

static int table_import(struct tester *tester, struct device *dev,
			struct tester_table *arg)
{
	u64 pages = dmashm_buffer_size(tester->buffer) / PAGE_SIZE;
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
	int ret;

	attachment = dma_buf_attach(tester->dmabuf, dev);
	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	dma_resv_lock(tester->dmabuf->resv, NULL);
	table = dma_buf_map_attachment(attachment, DMA_BIDIRECTIONAL);
	ret = PTR_ERR_OR_ZERO(table);
	if (!ret) {
		ret = table_check(table, arg, pages);
		dma_buf_unmap_attachment(attachment, table, DMA_BIDIRECTIONAL);
	}
	dma_resv_unlock(tester->dmabuf->resv);
	dma_buf_detach(tester->dmabuf, attachment);
	return ret;
}

static long tester_table(struct tester *tester, void __user *user)
{
	struct platform_device *device;
	struct tester_table arg;
	int ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	device = platform_device_register_simple("dmashm_tester",
						 PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(device))
		return PTR_ERR(device);
	ret = dma_coerce_mask_and_coherent(&device->dev, DMA_BIT_MASK(64));
	import_limit_segments(&device->dev, arg.max_segment);
	if (!ret)
		ret = table_import(tester, &device->dev, &arg);
	platform_device_unregister(device);
	if (ret)
		return ret;
	return copy_to_user(user, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long tester_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tester *tester = file->private_data;
	void __user *user = (void __user *)arg;

	if (cmd == TESTER_IOC_OPEN)
		return tester_open_buffer(tester, user);
	if (!tester->buffer)
		return -EBADFD;
	switch (cmd) {
	case TESTER_IOC_COUNT:
		return tester_count(tester, user);
	case TESTER_IOC_RECORD:
		return tester_record(tester, user);
	case TESTER_IOC_LOCK:
		return tester_lock(tester, user, dmashm_buffer_lock);
	case TESTER_IOC_TRYLOCK:
		return dmashm_buffer_trylock(tester->buffer);
	case TESTER_IOC_UNLOCK:
		return dmashm_buffer_unlock(tester->buffer);
	case TESTER_IOC_LOCK_SHARED:
		return tester_lock(tester, user, dmashm_buffer_lock_shared);
	case TESTER_IOC_TRYLOCK_SHARED:
		return dmashm_buffer_trylock_shared(tester->buffer);
	case TESTER_IOC_UNLOCK_SHARED:
		return dmashm_buffer_unlock_shared(tester->buffer);
	case TESTER_IOC_RECOVER:
		return dmashm_buffer_recover(tester->buffer);
	case TESTER_IOC_SIZE:
		return tester_size(tester, user);
	case TESTER_IOC_VMAP:
		return tester_vmap(tester, user);
	case TESTER_IOC_TABLE:
		return tester_table(tester, user);
	}
	return -ENOTTY;
}

static int tester_open(struct inode *inode, struct file *file)
{
	struct tester *tester = kzalloc(sizeof(*tester), GFP_KERNEL);

	file->private_data = tester;
	return tester ? 0 : -ENOMEM;
}

static int tester_release(struct inode *inode, struct file *file)
{
	struct tester *tester = file->private_data;

	if (tester->buffer) {
		dmashm_buffer_put(tester->buffer);
		dma_buf_put(tester->dmabuf);
	}
	kfree(tester);
	return 0;
}

static const struct file_operations tester_fops = {
	.owner = THIS_MODULE,
	.open = tester_open,
	.release = tester_release,
	.unlocked_ioctl = tester_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice tester_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmashm_tester",
	.fops = &tester_fops,
	.mode = 0600,
};
module_misc_device(tester_misc);

MODULE_DESCRIPTION("The in-kernel API of dmashm, for its tests");
MODULE_LICENSE("GPL");
DMASHM_IMPORT_DMA_BUF();
