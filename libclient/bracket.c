// SPDX-License-Identifier: MIT
/* Brackets of CPU access: the barrier outside, the cache inside. */
#include "private.h"

#include <linux/dma-buf.h>

/*
 * The direction of DMA_BUF_IOCTL_SYNC. Writing counts as reading too: what is
 * written back at the end are whole pages or cache lines, so what a device
 * wrote beside the bytes in question has to be fetched first, or the end would
 * put something older over it.
 */
static int direction(unsigned int access, uint64_t *flags)
{
	if (!access || access & ~(DMASHM_READ | DMASHM_WRITE))
		return -EINVAL;
	*flags = access & DMASHM_WRITE ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ;
	return 0;
}

/* The dma-buf core asks for both -EINTR and -EAGAIN to be tried again. */
static int sync_cpu(const struct dmashm_buffer *buf, uint64_t flags)
{
	struct dma_buf_sync arg = { .flags = flags };
	int err;

	do {
		err = dmashm_ioctl(buf->dmabuf_fd, DMA_BUF_IOCTL_SYNC, &arg);
	} while (err == -EAGAIN);
	return err;
}

int dmashm_begin(struct dmashm_buffer *buf, unsigned int access,
		 uint64_t deadline)
{
	uint64_t flags;
	int held, err;

	err = direction(access, &flags);
	if (err)
		return err;
	held = dmashm_timedlock(buf, deadline);
	if (held && held != -EOWNERDEAD)
		return held;
	err = sync_cpu(buf, DMA_BUF_SYNC_START | flags);
	if (err) {
		dmashm_unlock(buf);
		return err;
	}
	return held;
}

int dmashm_end(struct dmashm_buffer *buf, unsigned int access)
{
	uint64_t flags;
	int err, unlocked;

	err = direction(access, &flags);
	if (err)
		return err;
	/* An END inside somebody else's bracket could write old data back. */
	if (!dmashm_holds(buf))
		return -EPERM;
	err = sync_cpu(buf, DMA_BUF_SYNC_END | flags);
	unlocked = dmashm_unlock(buf);
	return err ? err : unlocked;
}
