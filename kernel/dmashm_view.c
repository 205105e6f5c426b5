// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA_BUF_IOCTL_SYNC on a view. To synchronise for the CPU is to write: with a
 * bounced mapping whole pages are copied from the device's memory, and over
 * what somebody else is just writing. So it is done for a view only while
 * nobody can be writing, which its holder need not see to.
 */
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "dmashm_attachment.h"
#include "dmashm_buffer.h"
#include "dmashm_lease.h"
#include "dmashm_member.h"
#include "dmashm_process.h"
#include "dmashm_view.h"

static bool view_is_mine(const struct dmashm_member *viewer)
{
	return dmashm_process_is_mine(viewer->process);
}

/* Where the calling process is in already, as a viewer, it need not wait. */
static int view_lock(struct dmashm_barrier *barrier, struct dmashm_lease *lease)
{
	if (dmashm_lease_join(barrier, lease, view_is_mine))
		return 0;
	return dmashm_lease_lock(barrier, lease, DMASHM_NEVER,
				 TASK_INTERRUPTIBLE);
}

/* What is synchronised is good until somebody writes, which may be at once. */
static int view_sync(struct dmashm_buffer *buffer,
		     const struct dmashm_range *range)
{
	struct dmashm_lease lease;
	int ret;

	dmashm_lease_init(&lease, NULL);
	ret = view_lock(&buffer->barrier, &lease);
	if (ret && ret != -EOWNERDEAD)
		return ret;
	ret = dmashm_buffer_begin_cpu_by_lease(buffer, range, &lease);
	/* Taken back afterwards: whoever wrote then synchronises himself. */
	dmashm_lease_unlock(&buffer->barrier, &lease);
	return ret;
}

/**
 * dmashm_view_begin_cpu() - as dmashm_buffer_begin_cpu(), through a view
 * @buffer: the buffer
 * @range:  which bytes of it
 * @dir:    DMA_FROM_DEVICE
 *
 * Takes the barrier shared for the time that it takes, unless the calling
 * process is in as a viewer already.
 *
 * Context: process, may sleep; interruptible. Not to be called by who holds
 * the barrier for the kernel.
 * Return: 0; -EACCES another @dir; -ERESTARTSYS; -EUSERS.
 */
int dmashm_view_begin_cpu(struct dmashm_buffer *buffer,
			  const struct dmashm_range *range,
			  enum dma_data_direction dir)
{
	int ret;

	if (dir != DMA_FROM_DEVICE)
		return -EACCES;
	do {
		ret = dmashm_buffer_wait_fences(buffer, dir);
		if (!ret && dmashm_attachment_any(buffer))
			ret = view_sync(buffer, range);
		if (ret == -ESTALE)
			ret = signal_pending(current) ? -ERESTARTSYS : -EAGAIN;
	} while (ret == -EAGAIN);
	return ret;
}

/**
 * dmashm_view_end_cpu() - who only read has nothing to hand over
 * @buffer: the buffer
 * @dir:    DMA_FROM_DEVICE
 *
 * Return: 0; -EACCES another @dir.
 */
int dmashm_view_end_cpu(struct dmashm_buffer *buffer,
			enum dma_data_direction dir)
{
	return dir == DMA_FROM_DEVICE ? 0 : -EACCES;
}
