// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that consumes from a dmashm buffer: it waits until the one who
 * produces is done, by his fence, and reads what he wrote, under the barrier.
 * dmashm_sampler.c is one that produces.
 *
 * The order of its steps matters:
 *
 *   1. Wait for the fence, with the barrier free: the producer may need it to
 *      get done. With a time limit, as the fence is somebody else's.
 *   2. Take the barrier, shared. User space may keep it: with a deadline.
 *   3. dma_buf_begin_cpu_access(), so that what devices wrote is seen. Under the
 *      barrier, because on the way whole pages may be copied over what
 *      somebody in user space is writing. It waits for fences that came since,
 *      without a time limit, so wait for those first, up to the deadline.
 *   4. Copy. Who breaks the barrier's rules can change the data at any time, so
 *      what is checked is the copy.
 *   5. The same backwards.
 *
 * A view will not do here, though reading is all that is done: step 3 takes the
 * barrier itself for one, and who has it already would wait for himself as soon
 * as somebody else wants to write.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <linux/dmashm.h>

#include "dmashm_compat.h"
#include "dmashm_monitor.h"
#include "dmashm_sampler.h"

static u64 monitor_deadline(const struct monitor_check *check)
{
	return ktime_get_ns() + check->timeout_ms * (u64)NSEC_PER_MSEC;
}

/* Until nobody writes any more of those who said so by a fence. */
static int monitor_wait(struct dma_buf *dmabuf, u64 deadline)
{
	u64 now = ktime_get_ns();
	u64 rest = deadline > now ? nsecs_to_jiffies(deadline - now) : 0;
	long left = dma_resv_wait_timeout(dmabuf->resv,
					  dma_resv_usage_rw(false), true,
					  max(1ull, rest));

	if (left < 0)
		return left;
	return left ? 0 : -ETIMEDOUT;
}

static int monitor_copy_locked(struct dma_buf *dmabuf,
			       struct dmashm_buffer *buffer, u64 offset,
			       struct sample *samples, size_t size,
			       u64 deadline)
{
	void *vaddr;
	int ret;

	ret = monitor_wait(dmabuf, deadline);
	if (ret)
		return ret;
	ret = dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE);
	if (ret)
		return ret;
	vaddr = dmashm_buffer_vmap(buffer);
	ret = PTR_ERR_OR_ZERO(vaddr);
	if (!ret) {
		memcpy(samples, vaddr + offset, size);
		dmashm_buffer_vunmap(buffer);
	}
	dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE);
	return ret;
}

static int monitor_copy(struct dma_buf *dmabuf, struct dmashm_buffer *buffer,
			const struct monitor_check *check,
			struct sample *samples)
{
	u64 deadline = monitor_deadline(check);
	int ret;

	ret = dmashm_buffer_lock_shared(buffer, deadline);
	/* After a death too: a sample that is half written is found out. */
	if (ret && ret != -EOWNERDEAD)
		return ret;
	ret = monitor_copy_locked(dmabuf, buffer, check->offset, samples,
				  check->count * sizeof(*samples), deadline);
	dmashm_buffer_unlock_shared(buffer);
	return ret;
}

static void monitor_judge(struct monitor_check *check,
			  const struct sample *samples)
{
	u32 i;

	check->samples = 0;
	check->torn = 0;
	check->missed = 0;
	check->min = 0;
	check->max = 0;
	for (i = 0; i < check->count && samples[i].turns; i++) {
		const struct sample *sample = &samples[i];

		if (sample->turns != i + 1 ||
		    sample->check != sample_check(sample)) {
			check->torn++;
			continue;
		}
		check->min = i ? min(check->min, sample->value) : sample->value;
		check->max = i ? max(check->max, sample->value) : sample->value;
		check->missed = sample->missed;
		check->samples++;
	}
}

static int monitor_look(struct dma_buf *dmabuf, struct monitor_check *check)
{
	size_t size = check->count * sizeof(struct sample);
	struct dmashm_buffer *buffer;
	struct sample *samples;
	int ret;

	buffer = dmashm_buffer_get(dmabuf, FMODE_READ | FMODE_WRITE);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	ret = -EINVAL;
	if (size > dmashm_buffer_size(buffer) ||
	    check->offset > dmashm_buffer_size(buffer) - size)
		goto put_buffer;
	ret = -ENOMEM;
	samples = kvmalloc(size, GFP_KERNEL);
	if (!samples)
		goto put_buffer;
	ret = monitor_wait(dmabuf, monitor_deadline(check));
	if (!ret)
		ret = monitor_copy(dmabuf, buffer, check, samples);
	if (!ret)
		monitor_judge(check, samples);
	kvfree(samples);
put_buffer:
	dmashm_buffer_put(buffer);
	return ret;
}

static long monitor_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct monitor_check check;
	struct dma_buf *dmabuf;
	int ret;

	if (cmd != MONITOR_IOC_CHECK)
		return -ENOTTY;
	if (copy_from_user(&check, user, sizeof(check)))
		return -EFAULT;
	if (check.offset % 8 || !check.timeout_ms || check.timeout_ms > 60000 ||
	    !check.count || check.count > SAMPLER_TICKS_MAX || check.pad)
		return -EINVAL;
	dmabuf = dma_buf_get(check.dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = monitor_look(dmabuf, &check);
	dma_buf_put(dmabuf);
	if (ret)
		return ret;
	return copy_to_user(user, &check, sizeof(check)) ? -EFAULT : 0;
}

static const struct file_operations monitor_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = monitor_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice monitor_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmashm_monitor",
	.fops = &monitor_fops,
	.mode = 0600,
};
module_misc_device(monitor_misc);

MODULE_DESCRIPTION("Example: looks at what a driver wrote to a dmashm buffer");
MODULE_LICENSE("GPL");
DMASHM_IMPORT_DMA_BUF();
