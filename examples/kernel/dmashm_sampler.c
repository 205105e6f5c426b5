// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that produces into a dmashm buffer: a timer, in place of a sensor's
 * interrupt, writes a sample at each tick, under the barrier that user space
 * takes too.
 *
 * A timer cannot sleep, so it tries the barrier and counts the ticks at which
 * somebody else had it. A driver with a thread would use dmashm_buffer_lock()
 * with a deadline instead, and dma_buf_begin_cpu_access() around its writes if
 * devices are attached to the buffer.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/uaccess.h>

#include <linux/dmashm.h>

#include "dmashm_compat.h"
#include "dmashm_sampler.h"

struct sampler {
	struct mutex lock;		/* one START at a time */
	struct dmashm_buffer *buffer;	/* lock; a reference, NULL when idle */
	struct sample *out;		/* constant while the timer runs */
	unsigned long period;		/* constant while the timer runs; jiffies */
	struct sample last;		/* the timer's own */
	struct timer_list timer;
};

static s64 sampler_value(u64 turn)
{
	s64 phase = turn % 4000;

	return phase < 2000 ? phase - 1000 : 3000 - phase;
}

static void sampler_tick(struct timer_list *timer)
{
	struct sampler *sampler = container_of(timer, struct sampler, timer);
	struct sample *last = &sampler->last;
	int ret = dmashm_buffer_trylock(sampler->buffer);

	if (ret == -EBUSY) {
		last->missed++;
		goto again;
	}
	/*
	 * -EOWNERDEAD is as good here: a sample depends on nothing that the
	 * dead may have left half done. The mark stays for those who know what
	 * the rest of the buffer should look like: not ours to take off.
	 */
	last->turns++;
	last->time_ns = ktime_get_ns();
	last->value = sampler_value(last->turns);
	last->check = sample_check(last);
	*sampler->out = *last;
	dmashm_buffer_unlock(sampler->buffer);
again:
	mod_timer(timer, jiffies + sampler->period);
}

static int sampler_begin(struct sampler *sampler,
			 const struct sampler_start *start)
{
	struct dma_buf *dmabuf;
	struct dmashm_buffer *buffer;
	void *vaddr;
	int ret;

	dmabuf = dma_buf_get(start->dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	/* Writing is what we do: the fd must allow it. */
	buffer = dmashm_buffer_get(dmabuf, FMODE_WRITE);
	ret = PTR_ERR_OR_ZERO(buffer);
	if (ret)
		goto put_dmabuf;
	ret = -EINVAL;
	if (start->offset > dmashm_buffer_size(buffer) - sizeof(struct sample))
		goto put_buffer;
	vaddr = dmashm_buffer_vmap(buffer);
	ret = PTR_ERR_OR_ZERO(vaddr);
	if (ret)
		goto put_buffer;
	dma_buf_put(dmabuf);

	sampler->buffer = buffer;
	sampler->out = vaddr + start->offset;
	sampler->period = max(1ul, msecs_to_jiffies(start->period_ms));
	mod_timer(&sampler->timer, jiffies + sampler->period);
	return 0;

put_buffer:
	dmashm_buffer_put(buffer);
put_dmabuf:
	dma_buf_put(dmabuf);
	return ret;
}

static long sampler_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	struct sampler *sampler = file->private_data;
	struct sampler_start start;
	int ret = -EBUSY;

	if (cmd != SAMPLER_IOC_START)
		return -ENOTTY;
	if (copy_from_user(&start, (void __user *)arg, sizeof(start)))
		return -EFAULT;
	if (start.offset % 8 || !start.period_ms || start.period_ms > 1000)
		return -EINVAL;

	mutex_lock(&sampler->lock);
	if (!sampler->buffer)
		ret = sampler_begin(sampler, &start);
	mutex_unlock(&sampler->lock);
	return ret;
}

static int sampler_open(struct inode *inode, struct file *file)
{
	struct sampler *sampler = kzalloc(sizeof(*sampler), GFP_KERNEL);

	if (!sampler)
		return -ENOMEM;
	mutex_init(&sampler->lock);
	timer_setup(&sampler->timer, sampler_tick, 0);
	file->private_data = sampler;
	return 0;
}

static int sampler_release(struct inode *inode, struct file *file)
{
	struct sampler *sampler = file->private_data;

	timer_delete_sync(&sampler->timer);
	if (sampler->buffer) {
		dmashm_buffer_vunmap(sampler->buffer);
		dmashm_buffer_put(sampler->buffer);
	}
	kfree(sampler);
	return 0;
}

static const struct file_operations sampler_fops = {
	.owner = THIS_MODULE,
	.open = sampler_open,
	.release = sampler_release,
	.unlocked_ioctl = sampler_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice sampler_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmashm_sampler",
	.fops = &sampler_fops,
	.mode = 0600,
};
module_misc_device(sampler_misc);

MODULE_DESCRIPTION("Example: samples from a timer into a dmashm buffer");
MODULE_LICENSE("GPL");
DMASHM_IMPORT_DMA_BUF();
