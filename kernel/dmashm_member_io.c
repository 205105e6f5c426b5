// SPDX-License-Identifier: GPL-2.0-only
/*
 * read and write on a member fd: the buffer's data, with the barrier taken by
 * the kernel.
 *
 * The caller's memory is touched, and fences are waited for, only while the
 * barrier is free: a page may take for ever to fault in (userfaultfd, FUSE),
 * and a device to finish. What is left under the barrier is a copy of one
 * chunk and the sync of the devices that have the buffer mapped.
 */
#include <linux/dma-direction.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "dmashm_attachment.h"
#include "dmashm_buffer.h"
#include "dmashm_gfp.h"
#include "dmashm_member.h"

/* Who reads lets others read too. */
static enum dmashm_mode member_io_mode(enum dma_data_direction dir)
{
	return dir == DMA_FROM_DEVICE ? DMASHM_SHARED : DMASHM_EXCLUSIVE;
}

static int member_io_unlock(struct dmashm_buffer *buffer,
			    enum dma_data_direction dir)
{
	return dmashm_barrier_unlock(&buffer->barrier, NULL,
				     member_io_mode(dir));
}

static int member_io_lock(struct dmashm_buffer *buffer,
			  enum dma_data_direction dir, bool nowait)
{
	enum dmashm_mode mode = member_io_mode(dir);
	int ret;

	if (nowait) {
		ret = dmashm_barrier_trylock(&buffer->barrier, NULL, mode);
		if (ret == -EBUSY)
			ret = -EAGAIN;
	} else {
		ret = dmashm_barrier_lock(&buffer->barrier, NULL, mode,
					  DMASHM_NEVER, TASK_INTERRUPTIBLE);
	}
	if (ret == -EOWNERDEAD)
		member_io_unlock(buffer, dir);
	return ret;
}

/*
 * Take the barrier and give the data to the CPU. Fences are waited for while
 * the barrier is free: a device may take its time.
 */
static int member_io_begin(struct dmashm_buffer *buffer,
			   enum dma_data_direction dir, bool nowait)
{
	int ret;

	for (;;) {
		ret = nowait ? 0 : dmashm_buffer_wait_fences(buffer, dir);
		if (ret)
			return ret;
		ret = member_io_lock(buffer, dir, nowait);
		if (ret)
			return ret;
		ret = dmashm_buffer_begin_cpu(buffer, dir, true);
		if (!ret)
			return 0;
		/* A fence came in between. */
		member_io_unlock(buffer, dir);
		if (nowait || ret != -EAGAIN)
			return ret;
		cond_resched();
	}
}

/* Move one chunk between the buffer and the bounce memory. */
static int member_io_chunk(struct dmashm_buffer *buffer, loff_t pos,
			   void *bounce, size_t len, bool write, bool nowait)
{
	enum dma_data_direction dir = write ? DMA_BIDIRECTIONAL :
					      DMA_FROM_DEVICE;
	int ret = member_io_begin(buffer, dir, nowait);

	if (ret)
		return ret;
	if (write)
		dmashm_buffer_write(buffer, pos, bounce, len);
	else
		dmashm_buffer_read(buffer, pos, bounce, len);
	dmashm_attachment_end_cpu(buffer, dir);
	return member_io_unlock(buffer, dir);
}

static size_t member_io_room(struct dmashm_buffer *buffer, struct kiocb *iocb,
			     struct iov_iter *iter)
{
	if (iocb->ki_pos >= buffer->size)
		return 0;
	return min3((u64)iov_iter_count(iter), (u64)DMASHM_IO_CHUNK,
		    (u64)buffer->size - iocb->ki_pos);
}

/* A signal after something moved ends the call short instead. */
static ssize_t member_io_result(size_t done, int ret)
{
	return done ? (ssize_t)done : ret;
}

/**
 * dmashm_member_read_iter() - read, pread and the like on a member fd
 * @iocb: file and position
 * @to:   the caller's memory
 *
 * Return: bytes, 0 at the end; or the errors that the UAPI header states.
 */
ssize_t dmashm_member_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct dmashm_member *member = iocb->ki_filp->private_data;
	struct dmashm_buffer *buffer = member->buffer;
	size_t len = member_io_room(buffer, iocb, to);
	size_t done = 0;
	void *bounce;
	int ret = 0;

	if (!len)
		return 0;
	bounce = kvmalloc(len, DMASHM_GFP);
	if (!bounce)
		return -ENOMEM;
	while (len) {
		size_t copied;

		ret = member_io_chunk(buffer, iocb->ki_pos, bounce, len, false,
				      iocb->ki_filp->f_flags & O_NONBLOCK);
		if (ret)
			break;
		copied = copy_to_iter(bounce, len, to);
		iocb->ki_pos += copied;
		done += copied;
		if (copied < len) {
			ret = -EFAULT;
			break;
		}
		len = member_io_room(buffer, iocb, to);
	}
	kvfree(bounce);
	return member_io_result(done, ret);
}

/**
 * dmashm_member_write_iter() - write, pwrite and the like on a member fd
 * @iocb: file and position
 * @from: the caller's memory
 *
 * Return: bytes; or the errors that the UAPI header states.
 */
ssize_t dmashm_member_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct dmashm_member *member = iocb->ki_filp->private_data;
	struct dmashm_buffer *buffer = member->buffer;
	size_t len = member_io_room(buffer, iocb, from);
	size_t done = 0;
	void *bounce;
	int ret = 0;

	if (!iov_iter_count(from))
		return 0;
	if (!len)
		return -ENOSPC;
	bounce = kvmalloc(len, DMASHM_GFP);
	if (!bounce)
		return -ENOMEM;
	while (len) {
		/* All of a chunk or nothing: what fits in one is never torn. */
		if (!copy_from_iter_full(bounce, len, from)) {
			ret = -EFAULT;
			break;
		}
		ret = member_io_chunk(buffer, iocb->ki_pos, bounce, len, true,
				      iocb->ki_filp->f_flags & O_NONBLOCK);
		if (ret)
			break;
		iocb->ki_pos += len;
		done += len;
		len = member_io_room(buffer, iocb, from);
	}
	kvfree(bounce);
	return member_io_result(done, ret);
}

/**
 * dmashm_member_llseek() - lseek on a member fd
 * @file:   the member
 * @offset: as lseek(2)
 * @whence: as lseek(2); SEEK_END counts from the size of the data
 */
loff_t dmashm_member_llseek(struct file *file, loff_t offset, int whence)
{
	struct dmashm_member *member = file->private_data;

	return fixed_size_llseek(file, offset, whence, member->buffer->size);
}
