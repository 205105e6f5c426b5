/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dmashm for drivers: take part in a buffer's barrier and reach its data.
 *
 * A driver is given a dma-buf fd by user space, makes a dma_buf of it as with
 * any exporter, and asks dmashm_buffer_get() whether it is one of ours. For
 * devices and CPU access the calls of <linux/dma-buf.h> serve as always; what
 * is here is what the dma-buf interface has no word for.
 *
 * The kernel takes part in a buffer's barrier as one party with many users: one
 * that locks exclusively excludes the others and every member in user space,
 * those that lock shared exclude exclusive holders alone. User space may
 * overwrite the words at any time, so no call here waits without a deadline
 * that its caller chose, and the data may change under any reader: copy it out
 * before you check it.
 *
 * Fences and the barrier: a fence may never wait for the barrier, so wait for
 * fences before you take it. dma_buf_begin_cpu_access() waits for all fences, the
 * caller's own too. dma_buf_end_cpu_access() waits for none, and for no lock that
 * is held while one is waited for, as long as its caller has the data vmapped:
 * it may come before the signalling of one. Through a view,
 * dma_buf_begin_cpu_access() takes the barrier itself, shared: not to be called
 * by who holds it for the kernel.
 */
#ifndef _LINUX_DMASHM_H
#define _LINUX_DMASHM_H

#include <linux/types.h>
#include <uapi/linux/dmashm.h>

struct dma_buf;
struct dmashm_buffer;

/**
 * dmashm_buffer_get() - the buffer behind a dma-buf
 * @dmabuf: any dma-buf; the caller keeps its reference
 * @mode:   what the caller will do: FMODE_READ, FMODE_WRITE or both
 *
 * Whoever passed the dma-buf cannot have more done with it than it allows.
 *
 * Context: any.
 * Return: the buffer with a reference, for dmashm_buffer_put(); or an ERR_PTR:
 * -EINVAL the dma-buf is not of this module; -EACCES it is not open for @mode.
 */
struct dmashm_buffer *dmashm_buffer_get(struct dma_buf *dmabuf, fmode_t mode);

/**
 * dmashm_buffer_put() - let go of a buffer
 * @buffer: what dmashm_buffer_get() gave
 *
 * Context: process, may sleep.
 */
void dmashm_buffer_put(struct dmashm_buffer *buffer);

/**
 * dmashm_buffer_size() - how large a buffer is
 * @buffer: the buffer
 *
 * Return: bytes of data, a multiple of PAGE_SIZE.
 */
size_t dmashm_buffer_size(const struct dmashm_buffer *buffer);

/**
 * dmashm_buffer_lock() - take the barrier for the kernel
 * @buffer:   the buffer
 * @deadline: CLOCK_MONOTONIC in nanoseconds (ktime_get_ns() + ...)
 *
 * Context: process, may sleep; killable. Call it with no lock held that a
 * member, a fault or a device may need to get on, and never on the way to the
 * signalling of a fence: user space may keep the barrier as long as it likes.
 * Return: 0, or -EOWNERDEAD, with the barrier held in both cases, the latter
 * when the last holder died inside: check the data and call
 * dmashm_buffer_recover(). Not held: -ETIMEDOUT; -ERESTARTSYS a fatal signal;
 * -EUSERS too many sleep (see struct dmashm_lock).
 */
int dmashm_buffer_lock(struct dmashm_buffer *buffer, u64 deadline);

/**
 * dmashm_buffer_trylock() - take the barrier if nobody has it
 * @buffer: the buffer
 *
 * Context: any but NMI; not hard interrupts on PREEMPT_RT.
 * Return: 0 or -EOWNERDEAD as dmashm_buffer_lock(); -EBUSY, not held.
 */
int dmashm_buffer_trylock(struct dmashm_buffer *buffer);

/**
 * dmashm_buffer_unlock() - give the barrier back
 * @buffer: the buffer
 *
 * Context: any but NMI; not hard interrupts on PREEMPT_RT. Need not be where it was
 * locked.
 * Return: 0; -EPERM the kernel does not hold it; -EPROTO somebody in user
 * space overwrote the word meanwhile: it is given back, but others may have
 * been inside too.
 */
int dmashm_buffer_unlock(struct dmashm_buffer *buffer);

/**
 * dmashm_buffer_lock_shared() - take the barrier for the kernel, shared
 * @buffer:   the buffer
 * @deadline: as for dmashm_buffer_lock()
 *
 * To read: any number may be in at a time, in the kernel and in user space,
 * while nobody holds it exclusively.
 *
 * Context: as dmashm_buffer_lock().
 * Return: as dmashm_buffer_lock(); but who is in shared cannot repair anything,
 * so -EOWNERDEAD says only that what is read may be half written. Not
 * recursive: a writer that came in between waits for the first, and the second
 * waits for the writer.
 */
int dmashm_buffer_lock_shared(struct dmashm_buffer *buffer, u64 deadline);

/**
 * dmashm_buffer_trylock_shared() - take the barrier shared if nobody holds it
 * @buffer: the buffer
 *
 * Context: any but NMI; not hard interrupts on PREEMPT_RT.
 * Return: 0 or -EOWNERDEAD as dmashm_buffer_lock_shared(); -EBUSY, not held.
 */
int dmashm_buffer_trylock_shared(struct dmashm_buffer *buffer);

/**
 * dmashm_buffer_unlock_shared() - undo one dmashm_buffer_lock_shared()
 * @buffer: the buffer
 *
 * Context: any but NMI; not hard interrupts on PREEMPT_RT. Need not be where it was
 * locked.
 * Return: 0; -EPERM the kernel is not in, shared.
 */
int dmashm_buffer_unlock_shared(struct dmashm_buffer *buffer);

/**
 * dmashm_buffer_recover() - declare the data good after -EOWNERDEAD
 * @buffer: the buffer, held exclusively
 *
 * Context: any but NMI; not hard interrupts on PREEMPT_RT.
 * Return: 0; -EPERM the kernel does not hold it, or the word says so no more;
 * -EPROTO somebody keeps changing the word.
 */
int dmashm_buffer_recover(struct dmashm_buffer *buffer);

/**
 * dmashm_buffer_vmap() - the data in the kernel's address space
 * @buffer: the buffer
 *
 * All users share one mapping, which may be written to: who got the buffer with
 * FMODE_READ alone must not. While there is one, the data cannot be sealed. Needs
 * no dma_resv lock, unlike dma_buf_vmap().
 *
 * Context: process, may sleep.
 * Return: the address of byte 0, for dmashm_buffer_vunmap(); or an ERR_PTR:
 * -ENOMEM; -EPERM the data is sealed.
 */
void *dmashm_buffer_vmap(struct dmashm_buffer *buffer);

/**
 * dmashm_buffer_vunmap() - undo one dmashm_buffer_vmap()
 * @buffer: the buffer
 *
 * Context: process, may sleep.
 */
void dmashm_buffer_vunmap(struct dmashm_buffer *buffer);

#endif /* _LINUX_DMASHM_H */
