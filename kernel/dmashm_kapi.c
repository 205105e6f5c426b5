// SPDX-License-Identifier: GPL-2.0-only
/* What other modules may call; see linux/dmashm.h. */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/sched.h>

#include "dmashm_buffer.h"
#include "dmashm_dmabuf.h"

struct dmashm_buffer *dmashm_buffer_get(struct dma_buf *dmabuf, fmode_t mode)
{
	struct dmashm_buffer *buffer = dmashm_dmabuf_buffer(dmabuf);

	if (!buffer)
		return ERR_PTR(-EINVAL);
	if ((dmabuf->file->f_mode & mode) != mode)
		return ERR_PTR(-EACCES);
	return dmashm_buffer_ref(buffer);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_get);

size_t dmashm_buffer_size(const struct dmashm_buffer *buffer)
{
	return buffer->size;
}
EXPORT_SYMBOL_GPL(dmashm_buffer_size);

int dmashm_buffer_lock(struct dmashm_buffer *buffer, u64 deadline)
{
	return dmashm_barrier_lock(&buffer->barrier, NULL, DMASHM_EXCLUSIVE,
				   deadline, TASK_KILLABLE);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_lock);

int dmashm_buffer_trylock(struct dmashm_buffer *buffer)
{
	return dmashm_barrier_trylock(&buffer->barrier, NULL, DMASHM_EXCLUSIVE);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_trylock);

int dmashm_buffer_unlock(struct dmashm_buffer *buffer)
{
	return dmashm_barrier_unlock(&buffer->barrier, NULL, DMASHM_EXCLUSIVE);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_unlock);

int dmashm_buffer_lock_shared(struct dmashm_buffer *buffer, u64 deadline)
{
	return dmashm_barrier_lock(&buffer->barrier, NULL, DMASHM_SHARED,
				   deadline, TASK_KILLABLE);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_lock_shared);

int dmashm_buffer_trylock_shared(struct dmashm_buffer *buffer)
{
	return dmashm_barrier_trylock(&buffer->barrier, NULL, DMASHM_SHARED);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_trylock_shared);

int dmashm_buffer_unlock_shared(struct dmashm_buffer *buffer)
{
	return dmashm_barrier_unlock(&buffer->barrier, NULL, DMASHM_SHARED);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_unlock_shared);

int dmashm_buffer_recover(struct dmashm_buffer *buffer)
{
	return dmashm_barrier_recover(&buffer->barrier, NULL);
}
EXPORT_SYMBOL_GPL(dmashm_buffer_recover);
