// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that produces into a dmashm buffer: a timer, in place of a sensor's
 * interrupt, writes a sample at each tick, under the barrier that user space
 * takes too. dmashm_monitor.c is one that consumes.
 *
 * A timer cannot sleep, so it tries the barrier and counts the ticks at which
 * somebody else had it. A driver with a thread would use dmashm_buffer_lock()
 * with a deadline instead.
 *
 * There are two ways to sample. START goes on until the device is closed. As it
 * has no end, it has no fence: whoever waits for a fence, other drivers among
 * them, must be sure that it is signalled.
 *
 * RECORD has an end, so it publishes a fence, and shows what that asks of a
 * driver:
 *
 *   - The barrier is no fence, and no fence may wait for it: user space keeps it
 *     as long as it likes. So a recording is so many ticks long, not so many
 *     samples; a tick that does not get the barrier goes by.
 *   - dma_buf_begin_cpu_access() waits for all fences, our own too. So it is
 *     called before ours is published, and nothing after that waits for one.
 *   - It may copy what devices have over the whole buffer: it comes under the
 *     barrier, or it undid what somebody writes in a bracket. The barrier is
 *     kept until ours is published, so that who comes next waits for it.
 *   - dma_buf_end_cpu_access() gives what was written to the devices, and they
 *     start when the fence is signalled. So it comes before that, where one
 *     may sleep. It may do so with a dmashm buffer that one has vmapped, see
 *     <linux/dmashm.h>; other exporters may need locks that are held by
 *     somebody who waits for this very fence.
 *   - Whatever comes in between, even the end of the process, signals it.
 *   - Somebody may keep the fence for as long as the buffer lives, or a sync
 *     file: it is memory of its own, and keeps this module.
 */
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <linux/dmashm.h>

#include "dmashm_compat.h"
#include "dmashm_sampler.h"

/* What is constant from the first tick to the last has no lock. */
struct sampler {
	struct mutex lock;		/* one START or RECORD at a time */
	struct dma_buf *dmabuf;		/* lock; NULL when idle */
	struct dmashm_buffer *buffer;	/* lock; a reference, as dmabuf is */
	struct sample *out;		/* where the next one goes; the timer's */
	unsigned long period;		/* constant while the timer runs; jiffies */
	u32 ticks;			/* the timer's: to come; 0 without end */
	struct dma_fence *fence;	/* of a recording; NULL without one */
	struct sample last;		/* the timer's own */
	struct timer_list timer;
	struct work_struct done;	/* ends a recording, where one may sleep */
};

/* One that has a thread in reserve: no fence may have to wait for memory. */
static struct workqueue_struct *sampler_queue;

/*
 * The fence
 */

struct sampler_fence {
	struct dma_fence base;
	spinlock_t lock;		/* base's */
};

static const char *sampler_fence_driver(struct dma_fence *fence)
{
	return "dmashm_sampler";
}

static const char *sampler_fence_timeline(struct dma_fence *fence)
{
	return "recording";
}

static void sampler_fence_free(struct rcu_head *rcu)
{
	struct dma_fence *fence = container_of(rcu, struct dma_fence, rcu);

	kfree(container_of(fence, struct sampler_fence, base));
	/* Unloading waits for the end of this function: see rcu_barrier(). */
	module_put(THIS_MODULE);
}

/* Others may be looking at it, under RCU alone. */
static void sampler_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, sampler_fence_free);
}

static const struct dma_fence_ops sampler_fence_ops = {
	.get_driver_name = sampler_fence_driver,
	.get_timeline_name = sampler_fence_timeline,
	.release = sampler_fence_release,
};

/* Each recording is a timeline of its own: they may end in any order. */
static struct dma_fence *sampler_fence_create(void)
{
	struct sampler_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return NULL;
	__module_get(THIS_MODULE);	/* our caller's open file has one */
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &sampler_fence_ops, &fence->lock,
		       dma_fence_context_alloc(1), 1);
	return &fence->base;
}

/* From now on, all who want the data wait, by any dma-buf over the buffer. */
static int sampler_fence_publish(struct dma_fence *fence,
				 struct dma_buf *dmabuf)
{
	int ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);

	if (ret)
		return ret;
	ret = dma_resv_reserve_fences(dmabuf->resv, 1);
	if (!ret)
		dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

/*
 * Sampling
 */

static s64 sampler_value(u64 turn)
{
	s64 phase = turn % 4000;

	return phase < 2000 ? phase - 1000 : 3000 - phase;
}

static void sampler_write(struct sampler *sampler)
{
	struct sample *last = &sampler->last;

	if (dmashm_buffer_trylock(sampler->buffer) == -EBUSY) {
		last->missed++;
		return;
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
	if (sampler->fence)
		sampler->out++;
}

static void sampler_tick(struct timer_list *timer)
{
	struct sampler *sampler = container_of(timer, struct sampler, timer);

	sampler_write(sampler);
	if (sampler->fence && !--sampler->ticks)
		queue_work(sampler_queue, &sampler->done);
	else
		mod_timer(timer, jiffies + sampler->period);
}

/*
 * On the way to the fence: nothing here may wait for user space, or for memory.
 * So the data is given to the devices without the barrier: whoever has it now
 * waits in START for this very fence, or began when there was no device, and
 * then his END gives all that he wrote once more.
 */
static void sampler_signal(struct sampler *sampler, int error)
{
	dma_buf_end_cpu_access(sampler->dmabuf, DMA_BIDIRECTIONAL);
	if (error)
		dma_fence_set_error(sampler->fence, error);
	dma_fence_signal(sampler->fence);
}

static void sampler_put_fence(struct sampler *sampler)
{
	dma_fence_put(sampler->fence);
	sampler->fence = NULL;
}

static void sampler_put_buffer(struct sampler *sampler)
{
	dmashm_buffer_vunmap(sampler->buffer);
	dmashm_buffer_put(sampler->buffer);
	dma_buf_put(sampler->dmabuf);
	sampler->dmabuf = NULL;
}

static void sampler_done(struct work_struct *work)
{
	struct sampler *sampler = container_of(work, struct sampler, done);

	sampler_signal(sampler, 0);
	/* Only now: no lock that one waits for fences with. */
	mutex_lock(&sampler->lock);
	sampler_put_fence(sampler);
	sampler_put_buffer(sampler);
	mutex_unlock(&sampler->lock);
}

/* Gets hold of @size bytes of a buffer, at an offset. */
static int sampler_get_buffer(struct sampler *sampler, int fd, u64 offset,
			      size_t size)
{
	struct dma_buf *dmabuf;
	struct dmashm_buffer *buffer;
	void *vaddr;
	int ret;

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	/* Writing is what we do: the fd must allow it. */
	buffer = dmashm_buffer_get(dmabuf, FMODE_WRITE);
	ret = PTR_ERR_OR_ZERO(buffer);
	if (ret)
		goto put_dmabuf;
	ret = -EINVAL;
	if (size > dmashm_buffer_size(buffer) ||
	    offset > dmashm_buffer_size(buffer) - size)
		goto put_buffer;
	vaddr = dmashm_buffer_vmap(buffer);
	ret = PTR_ERR_OR_ZERO(vaddr);
	if (ret)
		goto put_buffer;
	sampler->dmabuf = dmabuf;
	sampler->buffer = buffer;
	sampler->out = vaddr + offset;
	return 0;

put_buffer:
	dmashm_buffer_put(buffer);
put_dmabuf:
	dma_buf_put(dmabuf);
	return ret;
}

static void sampler_run(struct sampler *sampler, u32 period_ms)
{
	sampler->last = (struct sample){ 0 };
	sampler->period = max(1ul, msecs_to_jiffies(period_ms));
	mod_timer(&sampler->timer, jiffies + sampler->period);
}

static int sampler_begin(struct sampler *sampler,
			 const struct sampler_start *start)
{
	int ret = sampler_get_buffer(sampler, start->dmabuf_fd, start->offset,
				     sizeof(struct sample));

	if (!ret)
		sampler_run(sampler, start->period_ms);
	return ret;
}

/* Until the devices are done that said so by a fence. */
static int sampler_wait(struct sampler *sampler, long timeout)
{
	long left = dma_resv_wait_timeout(sampler->dmabuf->resv,
					  dma_resv_usage_rw(true), true,
					  timeout);

	if (left < 0)
		return left;
	return left ? 0 : -ETIMEDOUT;
}

static int sampler_open_access_locked(struct sampler *sampler)
{
	int ret;

	/* Again, for what came since; now those who want the barrier wait too. */
	ret = sampler_wait(sampler, msecs_to_jiffies(SAMPLER_PATIENCE_MS));
	if (ret)
		return ret;
	/* The last thing that waits for others. */
	ret = dma_buf_begin_cpu_access(sampler->dmabuf, DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	ret = sampler_fence_publish(sampler->fence, sampler->dmabuf);
	if (ret)
		dma_buf_end_cpu_access(sampler->dmabuf, DMA_BIDIRECTIONAL);
	return ret;
}

/* Takes the buffer from the devices, and says so by the fence. */
static int sampler_open_access(struct sampler *sampler)
{
	u64 deadline;
	int ret;

	/* With the barrier free: who signals them may have to wait for it. */
	ret = sampler_wait(sampler, MAX_SCHEDULE_TIMEOUT);
	if (ret)
		return ret;
	deadline = ktime_get_ns() + SAMPLER_PATIENCE_MS * (u64)NSEC_PER_MSEC;
	ret = dmashm_buffer_lock(sampler->buffer, deadline);
	/* -EOWNERDEAD: as in sampler_write(). */
	if (ret && ret != -EOWNERDEAD)
		return ret;
	ret = sampler_open_access_locked(sampler);
	dmashm_buffer_unlock(sampler->buffer);
	return ret;
}

static int sampler_begin_recording(struct sampler *sampler,
				   const struct sampler_record *record)
{
	int ret;

	ret = sampler_get_buffer(sampler, record->dmabuf_fd, record->offset,
				 record->ticks * sizeof(struct sample));
	if (ret)
		return ret;
	ret = -ENOMEM;
	sampler->fence = sampler_fence_create();
	if (!sampler->fence)
		goto put_buffer;
	ret = sampler_open_access(sampler);
	if (ret)
		goto put_fence;
	sampler->ticks = record->ticks;
	sampler_run(sampler, record->period_ms);
	return 0;

put_fence:
	sampler_put_fence(sampler);
put_buffer:
	sampler_put_buffer(sampler);
	return ret;
}

/*
 * The device
 */

static int sampler_start(struct sampler *sampler, void __user *user)
{
	struct sampler_start start;
	int ret = -EBUSY;

	if (copy_from_user(&start, user, sizeof(start)))
		return -EFAULT;
	if (start.offset % 8 || !start.period_ms || start.period_ms > 1000)
		return -EINVAL;
	mutex_lock(&sampler->lock);
	if (!sampler->dmabuf)
		ret = sampler_begin(sampler, &start);
	mutex_unlock(&sampler->lock);
	return ret;
}

static int sampler_record(struct sampler *sampler, void __user *user)
{
	struct sampler_record record;
	int ret = -EBUSY;

	if (copy_from_user(&record, user, sizeof(record)))
		return -EFAULT;
	if (record.offset % 8 || !record.period_ms || record.period_ms > 1000 ||
	    !record.ticks || record.ticks > SAMPLER_TICKS_MAX || record.pad ||
	    record.ticks * record.period_ms > SAMPLER_RECORD_MS)
		return -EINVAL;
	mutex_lock(&sampler->lock);
	if (!sampler->dmabuf)
		ret = sampler_begin_recording(sampler, &record);
	mutex_unlock(&sampler->lock);
	return ret;
}

static long sampler_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	struct sampler *sampler = file->private_data;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case SAMPLER_IOC_START:
		return sampler_start(sampler, user);
	case SAMPLER_IOC_RECORD:
		return sampler_record(sampler, user);
	}
	return -ENOTTY;
}

static int sampler_open(struct inode *inode, struct file *file)
{
	struct sampler *sampler = kzalloc(sizeof(*sampler), GFP_KERNEL);

	if (!sampler)
		return -ENOMEM;
	mutex_init(&sampler->lock);
	timer_setup(&sampler->timer, sampler_tick, 0);
	INIT_WORK(&sampler->done, sampler_done);
	file->private_data = sampler;
	return 0;
}

/* A recording that is not done is broken off; its fence says so. */
static int sampler_release(struct inode *inode, struct file *file)
{
	struct sampler *sampler = file->private_data;

	timer_delete_sync(&sampler->timer);
	flush_work(&sampler->done);
	if (sampler->fence) {
		sampler_signal(sampler, -ECANCELED);
		sampler_put_fence(sampler);
	}
	if (sampler->dmabuf)
		sampler_put_buffer(sampler);
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

static int __init sampler_init(void)
{
	int ret;

	sampler_queue = alloc_workqueue("dmashm_sampler",
					WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!sampler_queue)
		return -ENOMEM;
	ret = misc_register(&sampler_misc);
	if (ret)
		destroy_workqueue(sampler_queue);
	return ret;
}

static void __exit sampler_exit(void)
{
	misc_deregister(&sampler_misc);
	destroy_workqueue(sampler_queue);
	rcu_barrier();	/* for sampler_fence_free() */
}

module_init(sampler_init);
module_exit(sampler_exit);

MODULE_DESCRIPTION("Example: samples from a timer into a dmashm buffer");
MODULE_LICENSE("GPL");
DMASHM_IMPORT_DMA_BUF();
