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
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <linux/uio.h>

#include "dmashm_attachment.h"
#include "dmashm_buffer.h"
#include "dmashm_gfp.h"
#include "dmashm_lease.h"
#include "dmashm_member.h"

/*
 * Who splices holds a pipe locked meanwhile, and whoever uses that pipe waits
 * for it, not to be killed: so the barrier is waited for no longer than this.
 */
#define MEMBER_IO_PIPE_NS	NSEC_PER_SEC

/* One call of read or write. */
struct member_io {
	struct dmashm_member *member;
	enum dma_data_direction dir;
	u64 deadline;			/* for the barrier; 0 is not to wait */
	struct dmashm_lease lease;	/* where a viewer reads */
};

/*
 * Memory of the kernel's in a synchronous call stands for a pipe: nothing else
 * says who calls.
 */
static u64 member_io_deadline(struct kiocb *iocb, const struct iov_iter *iter)
{
	if (iocb->ki_filp->f_flags & O_NONBLOCK ||
	    iocb->ki_flags & IOCB_NOWAIT)
		return 0;
	if (user_backed_iter(iter) || !is_sync_kiocb(iocb))
		return DMASHM_NEVER;
	return ktime_get_ns() + MEMBER_IO_PIPE_NS;
}

static void member_io_init(struct member_io *io, struct kiocb *iocb,
			   const struct iov_iter *iter,
			   enum dma_data_direction dir)
{
	io->member = iocb->ki_filp->private_data;
	io->dir = dir;
	io->deadline = member_io_deadline(iocb, iter);
	dmashm_lease_init(&io->lease, NULL);
}

static bool member_io_writes(const struct member_io *io)
{
	return io->dir != DMA_FROM_DEVICE;
}

/* Who reads lets others read too. */
static enum dmashm_mode member_io_mode(const struct member_io *io)
{
	return member_io_writes(io) ? DMASHM_EXCLUSIVE : DMASHM_SHARED;
}

static int member_io_unlock(struct member_io *io)
{
	struct dmashm_barrier *barrier = &io->member->buffer->barrier;

	if (io->member->viewer)
		return dmashm_lease_unlock(barrier, &io->lease);
	return dmashm_barrier_unlock(barrier, NULL, member_io_mode(io));
}

static int member_io_trylock(struct member_io *io)
{
	struct dmashm_barrier *barrier = &io->member->buffer->barrier;

	if (io->member->viewer)
		return dmashm_lease_trylock(barrier, &io->lease);
	return dmashm_barrier_trylock(barrier, NULL, member_io_mode(io));
}

static int member_io_lock(struct member_io *io)
{
	struct dmashm_barrier *barrier = &io->member->buffer->barrier;
	int ret;

	if (!io->deadline)
		ret = member_io_trylock(io);
	else if (io->member->viewer)
		ret = dmashm_lease_lock(barrier, &io->lease, io->deadline,
					TASK_INTERRUPTIBLE);
	else
		ret = dmashm_barrier_lock(barrier, NULL, member_io_mode(io),
					  io->deadline, TASK_INTERRUPTIBLE);
	if (ret == -EBUSY || ret == -ETIMEDOUT)
		ret = -EAGAIN;
	if (ret == -EOWNERDEAD)
		member_io_unlock(io);
	return ret;
}

static int member_io_begin_cpu(struct member_io *io,
			       const struct dmashm_range *range)
{
	struct dmashm_buffer *buffer = io->member->buffer;

	if (io->member->viewer)
		return dmashm_buffer_begin_cpu_by_lease(buffer, range,
							&io->lease);
	return dmashm_buffer_begin_cpu(buffer, range, io->dir, true);
}

static void member_io_end_cpu(struct member_io *io,
			      const struct dmashm_range *range)
{
	/* A viewer may be in no more. */
	if (!io->member->viewer)
		dmashm_attachment_end_cpu(io->member->buffer, range, io->dir);
}

/*
 * Take the barrier and give the data to the CPU. Fences are waited for while
 * the barrier is free: a device may take its time.
 */
static int member_io_begin(struct member_io *io,
			   const struct dmashm_range *range)
{
	struct dmashm_buffer *buffer = io->member->buffer;
	int ret;

	for (;;) {
		ret = io->deadline ? dmashm_buffer_wait_fences(buffer, io->dir)
				   : 0;
		if (ret)
			return ret;
		ret = member_io_lock(io);
		if (ret)
			return ret;
		ret = member_io_begin_cpu(io, range);
		if (!ret)
			return 0;
		/* A fence came in between. */
		member_io_unlock(io);
		if (ret != -EAGAIN || ktime_get_ns() >= io->deadline)
			return ret;
		cond_resched();
	}
}

static int member_io_once(struct member_io *io, loff_t pos, void *bounce,
			  size_t len)
{
	struct dmashm_buffer *buffer = io->member->buffer;
	struct dmashm_range range = { pos, pos + len };
	int ret = member_io_begin(io, &range);

	if (ret)
		return ret;
	if (member_io_writes(io))
		dmashm_buffer_write(buffer, pos, bounce, len);
	else
		dmashm_buffer_read(buffer, pos, bounce, len);
	member_io_end_cpu(io, &range);
	return member_io_unlock(io);
}

static int member_io_write(struct member_io *io, loff_t pos, void *bounce,
			   size_t len)
{
	struct dmashm_writers *seal = &io->member->buffer->writers;
	int ret = dmashm_writer_add(seal);

	if (ret)
		return ret;
	ret = member_io_once(io, pos, bounce, len);
	dmashm_writer_remove(seal);
	return ret;
}

/* Move one chunk between the buffer and the bounce memory. */
static int member_io_chunk(struct member_io *io, loff_t pos, void *bounce,
			   size_t len)
{
	int ret;

	if (member_io_writes(io))
		return member_io_write(io, pos, bounce, len);
	/* A viewer that got no processor meanwhile lost its lease. */
	do {
		ret = member_io_once(io, pos, bounce, len);
	} while (ret == -ESTALE && !signal_pending(current));
	return ret == -ESTALE ? -ERESTARTSYS : ret;
}

static size_t member_io_room(struct dmashm_buffer *buffer, struct kiocb *iocb,
			     struct iov_iter *iter)
{
	if (iocb->ki_pos >= buffer->size)
		return 0;
	return min3((u64)iov_iter_count(iter), (u64)DMASHM_IO_CHUNK,
		    (u64)buffer->size - iocb->ki_pos);
}

/*
 * A signal after something moved ends the call short instead. At -EAGAIN,
 * io_uring would poll and try again when there is something to read; but what
 * poll reports of a member is another thing, and might never come.
 */
static ssize_t member_io_result(struct kiocb *iocb, size_t done, int ret)
{
	if (done)
		return done;
	if (ret == -EAGAIN && !is_sync_kiocb(iocb))
		return -EBUSY;
	return ret;
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
	struct member_io io;
	size_t len, done = 0;
	void *bounce;
	int ret = 0;

	member_io_init(&io, iocb, to, DMA_FROM_DEVICE);
	len = member_io_room(io.member->buffer, iocb, to);
	if (!len)
		return 0;
	bounce = dmashm_kvmalloc(len);
	if (!bounce)
		return -ENOMEM;
	while (len) {
		size_t copied;

		ret = member_io_chunk(&io, iocb->ki_pos, bounce, len);
		if (ret)
			break;
		copied = copy_to_iter(bounce, len, to);
		iocb->ki_pos += copied;
		done += copied;
		if (copied < len) {
			ret = -EFAULT;
			break;
		}
		len = member_io_room(io.member->buffer, iocb, to);
	}
	kvfree(bounce);
	return member_io_result(iocb, done, ret);
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
	struct member_io io;
	size_t len, done = 0;
	void *bounce;
	int ret = 0;

	member_io_init(&io, iocb, from, DMA_BIDIRECTIONAL);
	len = member_io_room(io.member->buffer, iocb, from);
	if (!iov_iter_count(from))
		return 0;
	if (!len)
		return -ENOSPC;
	bounce = dmashm_kvmalloc(len);
	if (!bounce)
		return -ENOMEM;
	while (len) {
		/* All of a chunk or nothing: what fits in one is never torn. */
		if (!copy_from_iter_full(bounce, len, from)) {
			ret = -EFAULT;
			break;
		}
		ret = member_io_chunk(&io, iocb->ki_pos, bounce, len);
		if (ret)
			break;
		iocb->ki_pos += len;
		done += len;
		len = member_io_room(io.member->buffer, iocb, from);
	}
	kvfree(bounce);
	return member_io_result(iocb, done, ret);
}

/**
 * dmashm_member_llseek() - lseek on a member fd
 * @file:   the member
 * @offset: as lseek(2)
 * @whence: as lseek(2); SEEK_END counts from the size of the data
 *
 * Return: as lseek(2).
 */
loff_t dmashm_member_llseek(struct file *file, loff_t offset, int whence)
{
	struct dmashm_member *member = file->private_data;

	return fixed_size_llseek(file, offset, whence, member->buffer->size);
}
