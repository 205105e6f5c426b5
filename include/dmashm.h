/* SPDX-License-Identifier: MIT */
/*
 * libdmashm: shared memory as dma-buf fds, guarded by a barrier that processes
 * and the kernel both take.
 *
 * Conventions
 *
 *   - Calls that can fail return 0 (or a documented non-negative value) or
 *     -errno. errno itself is left undefined.
 *   - Handles are opaque. Nothing is printed, nothing aborts, there is no
 *     global state. dmashm_close(NULL) does nothing.
 *   - Deadlines are absolute times of CLOCK_MONOTONIC in nanoseconds;
 *     dmashm_deadline() makes one, DMASHM_NEVER waits without end.
 *   - Signals do not interrupt a call: it goes on until it has its result or
 *     its deadline has passed.
 *   - Every fd that the library makes is close-on-exec.
 *   - Threads: any call may run in several threads on one handle at a time,
 *     but dmashm_close() alone. The barrier excludes threads of one process
 *     like any others; any thread may unlock.
 *   - fork: parent and child may both go on with the handle. The child joins
 *     as a member of its own at its first call that needs the barrier; it does
 *     not hold what the parent holds, and its calls then fail with the errors
 *     of dmashm_import() where joining fails.
 *   - Views: a handle may allow reading only (dmashm_view(), dmashm_access()).
 *     Then every call that would take the barrier exclusively, map for writing,
 *     wake others or take part in a queue is -EACCES, and what is said of each
 *     call about system calls does not hold: the kernel takes the barrier for a
 *     view, shared, by a lease (see linux/dmashm.h).
 *   - exec: the handle is gone, the kernel takes back what it held as after a
 *     death.
 */
#ifndef DMASHM_H
#define DMASHM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DMASHM_VERSION_MAJOR 0
#define DMASHM_VERSION_MINOR 1

#ifndef DMASHM_NEVER
#define DMASHM_NEVER UINT64_MAX
#endif

/* How a buffer is made. */
#define DMASHM_CONTIGUOUS	0x1u	/* physically, for devices that need it */

/* What a begin/end bracket is for. */
#define DMASHM_READ	0x1u	/* the CPU reads */
#define DMASHM_WRITE	0x2u	/* the CPU writes, and may read */
#define DMASHM_SYNC	0x4u	/* with one of these: do the ioctls in any case */

/* What a queue does where a consumer is slow. */
#define DMASHM_OVERWRITE	0x1u	/* lose frames instead of waiting */

/* A buffer as this process knows it: its dma-buf and a member of its barrier. */
struct dmashm_buffer;

/**
 * dmashm_create() - make a buffer and become its first member
 * @size:  bytes; rounded up to the page size, see dmashm_size()
 * @name:  for people, at most 31 bytes; NULL for none
 * @flags: 0 or DMASHM_CONTIGUOUS
 * @out:   the handle, to be closed by dmashm_close(); untouched on failure
 *
 * Needs the right to open /dev/dmashm for reading and writing.
 *
 * Return: 0; those of open(2) on the device (-ENOENT: the module is not loaded;
 * -EACCES: no right), -EINVAL @size is 0, @name too long, @flags or @out bad,
 * -EFBIG @size is beyond the module's limit for one buffer, or beyond what is
 * ever contiguous (4 MiB with 4 KiB pages), -EDQUOT the user would have more
 * than its limit for one user, -ENOSPC all buffers together would be beyond its
 * limit for all, -ENOMEM no memory, or none in one piece, -EMFILE, -ENFILE,
 * -EPROTO the module speaks another ABI.
 */
int dmashm_create(size_t size, const char *name, unsigned int flags,
		  struct dmashm_buffer **out);

/**
 * dmashm_import() - become a member of a buffer that one has fds of
 * @dmabuf_fd: a dma-buf of the module, open for reading or for both
 * @member_fd: a member fd of the same buffer, whoever it belongs to, or -1 to
 *             join through /dev/dmashm instead
 * @out:       the handle
 *
 * Both fds stay the caller's; the handle has its own. It is a view if one of
 * the two allows only reading.
 *
 * Return: 0; as the DMASHM_IOC_JOIN ioctl: -EBADF, -EINVAL @dmabuf_fd is not of
 * this module, -ENOTTY @member_fd is no member fd, -EXDEV the two are of
 * different buffers, -EACCES, -EUSERS, -EOVERFLOW; and as dmashm_create().
 */
int dmashm_import(int dmabuf_fd, int member_fd, struct dmashm_buffer **out);

/**
 * dmashm_view() - a handle of the same buffer that may only read
 * @buf: the handle
 * @out: another handle, to be closed by dmashm_close(); untouched on failure
 *
 * To be sent (dmashm_send()) to those who shall see the data and not touch it:
 * whoever has it, his dma-buf can be mapped only to be read, by devices too, and
 * he keeps those who write from the barrier no longer than DMASHM_LEASE_NS at a
 * time (see linux/dmashm.h). It reads as any handle does, in brackets or with
 * read(2) on dmashm_member_fd().
 *
 * Return: 0; -EINVAL @out; -EUSERS there are DMASHM_VIEWERS views of the
 * buffer; -ENOMEM, -EMFILE, -ENFILE.
 */
int dmashm_view(struct dmashm_buffer *buf, struct dmashm_buffer **out);

/**
 * dmashm_access() - what the handle allows
 * @buf: the handle
 *
 * Return: DMASHM_READ for a view, else DMASHM_READ | DMASHM_WRITE.
 */
unsigned int dmashm_access(const struct dmashm_buffer *buf);

/**
 * dmashm_seal() - have nobody write to the data any more
 * @buf: the handle
 *
 * For the process that made the buffer. Others may then rely on the data to
 * stay as it is; locking is not needed to read it. There is no way back.
 *
 * Return: 0; with nothing changed: -EBUSY somebody could write: there is a
 * writable mapping, a device attached through a dma-buf that is not a view, or
 * a page held by direct I/O or a pipe; -EPERM another process made the buffer;
 * -EACCES a view.
 */
int dmashm_seal(struct dmashm_buffer *buf);

/**
 * dmashm_close() - give the handle back
 * @buf: the handle or NULL
 *
 * Unmaps what dmashm_map() mapped through this handle and closes its fds. A
 * barrier still held by it is handed on as if its holder had died. The buffer
 * itself lives on while anybody has it.
 */
void dmashm_close(struct dmashm_buffer *buf);

/**
 * dmashm_fd() - the dma-buf fd, for devices, poll and ioctls
 * @buf: the handle
 *
 * Return: the handle's own.
 */
int dmashm_fd(const struct dmashm_buffer *buf);

/**
 * dmashm_member_fd() - the member fd, for read, write and ioctls
 * @buf: the handle
 *
 * Return: the handle's own. A child of fork() keeps the number; it names the
 * child's own member once the child has joined.
 */
int dmashm_member_fd(const struct dmashm_buffer *buf);

/**
 * dmashm_size() - how large a buffer is
 * @buf: the handle
 *
 * Return: bytes of data, a multiple of the page size.
 */
size_t dmashm_size(const struct dmashm_buffer *buf);

/**
 * dmashm_map() - map the whole buffer
 * @buf:  the handle
 * @prot: PROT_READ, PROT_WRITE or both
 * @addr: where it is, aligned to 2 MiB where the buffer is that large, so that
 *        the kernel can map 2 MiB at a time
 *
 * Each call makes a mapping of its own. Touch it only inside a bracket of
 * dmashm_begin() and dmashm_end(). A child of fork() has it too.
 *
 * Return: 0; -EINVAL, -ENOMEM; -EACCES PROT_WRITE and a view; -EPERM PROT_WRITE
 * and the data is sealed.
 */
int dmashm_map(struct dmashm_buffer *buf, int prot, void **addr);

/**
 * dmashm_unmap() - take a mapping away
 * @buf:  the handle
 * @addr: what dmashm_map() gave
 *
 * Return: 0; -EINVAL no such mapping of this handle.
 */
int dmashm_unmap(struct dmashm_buffer *buf, void *addr);

/**
 * dmashm_deadline() - the deadline that lies so far ahead
 * @ns: nanoseconds from now
 *
 * Return: the deadline; saturates, never wraps round.
 */
uint64_t dmashm_deadline(uint64_t ns);

/**
 * dmashm_lock() - take the barrier, however long it takes
 * @buf: the handle
 *
 * No system call where nobody holds it. Not recursive.
 *
 * Return: 0, or -EOWNERDEAD: the barrier is held in both cases, but the last
 * holder died inside; make the data good and call dmashm_recover(). Every
 * other value means that it is not held: -EUSERS DMASHM_SLEEPERS threads sleep
 * for it already; in a child of fork(), those of dmashm_import().
 */
int dmashm_lock(struct dmashm_buffer *buf);

/**
 * dmashm_trylock() - take the barrier if nobody has it
 * @buf: the handle
 *
 * Does not ask the kernel who holds it: a barrier whose holder died is busy for
 * the moment that the kernel takes to notice, one that others sleep for may be
 * promised to them, and one that somebody else is just trying may look taken.
 *
 * Return: as dmashm_lock(), and -EBUSY.
 */
int dmashm_trylock(struct dmashm_buffer *buf);

/**
 * dmashm_timedlock() - take the barrier until a deadline
 * @buf:      the handle
 * @deadline: absolute; one that has passed still takes a free barrier
 *
 * Return: as dmashm_lock(), and -ETIMEDOUT.
 */
int dmashm_timedlock(struct dmashm_buffer *buf, uint64_t deadline);

/**
 * dmashm_unlock() - give the barrier back
 * @buf: the handle
 *
 * The mark of a death stays for the next one unless dmashm_recover() was
 * called.
 *
 * Return: 0; -EPERM this process does not hold it; nothing changed. -EPROTO
 * somebody keeps changing the word against the rules.
 */
int dmashm_unlock(struct dmashm_buffer *buf);

/**
 * dmashm_lock_shared() - take the barrier to read, however long it takes
 * @buf: the handle
 *
 * Any number may share it, while nobody holds it exclusively. Who locks
 * exclusively waits for those who are in, and nobody comes in meanwhile: so a
 * stream of readers does not keep a writer out; nor a stream of writers a
 * reader, for more than some milliseconds and one turn of each who came before
 * (docs/barrier.md has it exactly; a signal costs the place in the queue).
 *
 * No system call where nobody holds it exclusively. Not recursive, not even
 * shared: a writer that came in between waits for the first, and the second
 * waits for the writer.
 *
 * Return: 0, or -EOWNERDEAD: it is held in both cases, but the last exclusive
 * holder died inside, and what is read may be half written; to repair it takes
 * the exclusive lock. Every other value means that it is not held: those of
 * dmashm_lock(); -EOVERFLOW this process has it DMASHM_SHARED_MAX times.
 */
int dmashm_lock_shared(struct dmashm_buffer *buf);

/**
 * dmashm_trylock_shared() - take the barrier to read if that is possible at once
 * @buf: the handle
 *
 * Return: as dmashm_lock_shared(), and -EBUSY.
 */
int dmashm_trylock_shared(struct dmashm_buffer *buf);

/**
 * dmashm_timedlock_shared() - take the barrier to read until a deadline
 * @buf:      the handle
 * @deadline: absolute; one that has passed still takes what is free
 *
 * Return: as dmashm_lock_shared(), and -ETIMEDOUT.
 */
int dmashm_timedlock_shared(struct dmashm_buffer *buf, uint64_t deadline);

/**
 * dmashm_unlock_shared() - undo one dmashm_lock_shared()
 * @buf: the handle
 *
 * Return: 0; -EPERM this process is not in, shared; -ESTALE (a view) the time
 * was up and the barrier taken back, so that what was read may be half written.
 */
int dmashm_unlock_shared(struct dmashm_buffer *buf);

/**
 * dmashm_recover() - declare the data repaired after -EOWNERDEAD
 * @buf: the handle, holding the barrier exclusively
 *
 * Return: 0; -EPERM this process does not hold it; -EPROTO as dmashm_unlock().
 */
int dmashm_recover(struct dmashm_buffer *buf);

/**
 * dmashm_begin() - open a bracket of CPU access: barrier, then cache
 * @buf:      the handle
 * @access:   DMASHM_READ (shared), DMASHM_WRITE or both (exclusive); with
 *            DMASHM_SYNC, the ioctl is done in any case
 * @deadline: for the barrier
 *
 * Takes the barrier, then does DMA_BUF_IOCTL_SYNC with START, which waits for
 * the fences of devices; but leaves that out while no device is attached to
 * the buffer, so that there is nothing to wait for or to synchronise. One case
 * looks like that and is not: a fence that DMA_BUF_IOCTL_IMPORT_SYNC_FILE put
 * into a buffer without a device. Who does that uses DMASHM_SYNC.
 *
 * Return: 0 or -EOWNERDEAD with the bracket open, see dmashm_lock() and
 * dmashm_lock_shared(); with any other value it is not open and nothing is
 * held: -EINVAL @access; those of dmashm_timedlock(), dmashm_timedlock_shared()
 * and DMA_BUF_IOCTL_SYNC.
 */
int dmashm_begin(struct dmashm_buffer *buf, unsigned int access,
		 uint64_t deadline);

/**
 * dmashm_end() - close the bracket: cache, then barrier
 * @buf:    the handle
 * @access: what dmashm_begin() was given
 *
 * Does DMA_BUF_IOCTL_SYNC with END if a device is attached, whether one was
 * when the bracket began or not. The barrier is given back in any case; an
 * error of DMA_BUF_IOCTL_SYNC (END) is returned.
 *
 * Return: 0; -EINVAL @access, -EPERM the barrier is not held that way (nothing
 * done in both cases); those of dmashm_unlock(). -ESTALE in a view says that
 * what was read may be half written.
 */
int dmashm_end(struct dmashm_buffer *buf, unsigned int access);

/**
 * dmashm_begin_range() - open a bracket around a part of the data
 * @buf:      the handle
 * @access:   as for dmashm_begin()
 * @offset:   the first byte
 * @length:   how many, not 0
 * @deadline: for the barrier
 *
 * As dmashm_begin(), but while a device is attached it takes no longer than the
 * range is large. The barrier is that of the whole buffer; what lies outside the
 * range may be read and written too, and devices may not see it, or undo it.
 *
 * Return: 0; -EINVAL also if the range does not lie within the data; the others
 * those of dmashm_begin(), with DMASHM_IOC_SYNC in place of DMA_BUF_IOCTL_SYNC.
 */
int dmashm_begin_range(struct dmashm_buffer *buf, unsigned int access,
		       size_t offset, size_t length, uint64_t deadline);

/**
 * dmashm_end_range() - close that bracket
 * @buf:    the handle
 * @access: what dmashm_begin_range() was given
 * @offset: the same
 * @length: the same
 *
 * dmashm_end() in its place would hand over, and so undo, what devices wrote
 * elsewhere.
 *
 * Return: as dmashm_end(), and -EINVAL, with nothing done, if the range does not
 * lie within the data.
 */
int dmashm_end_range(struct dmashm_buffer *buf, unsigned int access,
		     size_t offset, size_t length);

/**
 * dmashm_event() - one of the 32-bit words kept for applications
 * @buf: the handle
 * @n:   0 to DMASHM_EVENT_COUNT - 1 (see linux/dmashm.h)
 *
 * The word is shared by all members and starts as 0; use atomic operations on
 * it.
 *
 * Return: where it is; NULL if @n is out of range or, in a child of fork(),
 * joining failed.
 */
uint32_t *dmashm_event(struct dmashm_buffer *buf, unsigned int n);

/**
 * dmashm_wait() - sleep while an event word has a value
 * @buf:      the handle
 * @n:        which word
 * @expected: the value it has now
 * @deadline: absolute
 *
 * A member that leaves, by death or otherwise, wakes all who sleep at that
 * moment, and nobody who goes to sleep later: who waits for one that may die
 * waits with a deadline, and looks then whether that one is still there.
 *
 * Return: 0 when woken or when the word has another value; look again, it may
 * have changed for nothing. -ETIMEDOUT; -EINVAL @n; -EUSERS
 * DMASHM_SLEEPERS threads sleep on words of this buffer already; in a child of
 * fork(), those of dmashm_import().
 */
int dmashm_wait(struct dmashm_buffer *buf, unsigned int n, uint32_t expected,
		uint64_t deadline);

/**
 * dmashm_wake() - wake those who sleep on an event word
 * @buf:   the handle
 * @n:     which word
 * @count: how many at the most; UINT32_MAX for all
 *
 * Members that armed their fd for this word are told too, and do not count.
 *
 * Return: how many were woken, INT_MAX at the most; -EINVAL @n; in a child of
 * fork(), those of dmashm_import().
 */
int dmashm_wake(struct dmashm_buffer *buf, unsigned int n, uint32_t count);

/**
 * dmashm_cond_wait() - let go of the barrier, sleep on an event word, take it
 * @buf:      the handle
 * @access:   what dmashm_begin() was given; 0 where dmashm_lock() was called
 * @n:        which word
 * @expected: the value that it had while the barrier was held
 * @deadline: for the sleep
 *
 * For brackets of dmashm_begin(), not of dmashm_begin_range(): it ends and begins
 * one around all of the data.
 *
 * What a condition variable does. Who changes the word after the barrier was
 * let go, and wakes, is not missed. The barrier is taken again without a
 * deadline, as pthread_cond_timedwait(3) does.
 *
 * Return: 0, -EOWNERDEAD or -ETIMEDOUT with the barrier held, or the bracket
 * open; the first two say that the word may have changed or a member have
 * left, so look again. -EUSERS, too many sleep on words, with the barrier held
 * too. Errors, with nothing done: -EINVAL @access or @n; -EPERM the barrier is
 * not held. Errors, with the barrier lost: those of DMA_BUF_IOCTL_SYNC, and
 * -EPROTO.
 */
int dmashm_cond_wait(struct dmashm_buffer *buf, unsigned int access,
		     unsigned int n, uint32_t expected, uint64_t deadline);

/**
 * dmashm_departures() - how many members of the buffer have left so far
 * @buf: the handle
 *
 * Return: by death or otherwise; wraps. 0 where, in a child of fork(), joining
 * failed.
 */
uint32_t dmashm_departures(struct dmashm_buffer *buf);

/**
 * dmashm_arm() - choose what poll(2) on the member fd reports
 * @buf:        the handle
 * @n:          POLLIN when this event word
 * @expected:   has another value than this one
 * @departures: POLLPRI when dmashm_departures() is not this any more
 *
 * For event loops: dmashm_member_fd() goes into poll or epoll. Arming again
 * replaces what was armed; whoever changes the word must call dmashm_wake().
 *
 * Return: 0; -EINVAL @n; in a child of fork(), those of dmashm_import().
 */
int dmashm_arm(struct dmashm_buffer *buf, unsigned int n, uint32_t expected,
	       uint32_t departures);

/**
 * dmashm_send() - hand the buffer to whoever reads the other end of a socket
 * @buf:    the handle
 * @socket: a connected AF_UNIX socket, SOCK_STREAM, SOCK_SEQPACKET or
 *          SOCK_DGRAM
 *
 * One message with the dma-buf and a member fd to join from. The receiver can
 * then do all that this handle allows: a view can be sent instead.
 *
 * Return: 0; -EAFNOSUPPORT the socket is not AF_UNIX; those of sendmsg(2),
 * without SIGPIPE.
 */
int dmashm_send(struct dmashm_buffer *buf, int socket);

/**
 * dmashm_receive() - take a buffer that dmashm_send() sent
 * @socket: an AF_UNIX socket
 * @out:    the handle
 *
 * Needs no right on /dev/dmashm. A message that is not exactly what
 * dmashm_send() sends is refused and every fd that came with it is closed.
 *
 * Return: 0; -EPIPE the other end closed; -EBADMSG not such a message: cut
 * short, too few or too many fds, surplus data or control data, or fds that do
 * not belong together; -EAGAIN a non-blocking socket has nothing; those of
 * recvmsg(2) and of dmashm_import().
 */
int dmashm_receive(int socket, struct dmashm_buffer **out);

/*
 * Queues of frames
 *
 * One producer fills frames in the buffer's data, any number of consumers get
 * to see them: each of them every frame that is published after it came, or
 * how many it missed. There are two kinds of queue. Without flags, the
 * producer waits for the slowest consumer, and nothing is missed; without
 * consumers it does not wait. With DMASHM_OVERWRITE it takes the oldest frame
 * that nobody is reading at the moment, and consumers that are slow miss some.
 *
 * A buffer has at most one queue, for as long as it lives. Its frames lie one
 * after the other from the start of the data, each at a page's start; what
 * lies behind them is free for other use. No copies: data is written and read
 * where it lies. No system call where nobody has to sleep or be woken, unless
 * a device is attached.
 *
 * Death of any party at any moment: a consumer's hold on frames ends with it,
 * and so does the place of the producer, for which another one may come, who
 * goes on where the queue is. A frame that was being written is not seen by
 * anybody. Leaving without dmashm_queue_finish() or get_end, by
 * dmashm_queue_close(), dmashm_close() or exec, is the same as death. One that
 * is stopped but lives keeps what it holds: a consumer keeps the producer
 * waiting if the queue does not overwrite, else one frame.
 *
 * Devices: while one is attached to the buffer, each frame is written and read
 * inside a bracket of dmashm_begin_range() and dmashm_end_range() of its own,
 * because others may synchronise the whole buffer. So then writing and reading
 * exclude each other, from begin to end; who reads a frame and writes one at
 * the same time, in one thread, waits for himself. The mark of a death in the
 * barrier is ignored, and left as it is.
 *
 * Threads: unlike other handles, that of a queue is for one thread at a time.
 * fork: a child cannot use its parent's handle (-EPERM) but by
 * dmashm_queue_close(), which frees the child's copy and leaves the parent's
 * part in the queue alone. It may open one of its own, on the same buffer.
 *
 * All members can write to the words that keep this together. Who does that
 * against the rules can make others get wrong data, wrong counts, -EPROTO or
 * wait until their deadline; no more than that.
 */

/* One party's part in a queue. */
struct dmashm_queue;

/* What a consumer gets to see. */
struct dmashm_frame {
	const void *data;	/* at a page's start; NULL where there is none */
	size_t length;		/* as the producer gave it */
	uint32_t ordinal;	/* one more than that of the frame before; after
				   UINT32_MAX comes 1 */
	uint32_t missed;	/* frames between this and the last one seen */
};

/**
 * dmashm_queue_size() - how many bytes of data a queue needs
 * @count:      frames, 2 to 32
 * @frame_size: bytes of the largest frame, 1 to UINT32_MAX
 *
 * Return: 0 where that is not possible.
 */
size_t dmashm_queue_size(unsigned int count, size_t frame_size);

/**
 * dmashm_queue_create() - become the producer of a buffer's queue
 * @buf:        the handle; to be closed after the queue
 * @count:      frames, 2 to 32. For all to go on at the same time: one that is
 *              written, one ready, one for each consumer that reads
 * @frame_size: bytes of the largest frame
 * @flags:      0 or DMASHM_OVERWRITE
 * @out:        the queue's handle; untouched on failure
 *
 * Makes the queue if there is none, else takes the place of a producer that
 * has left; consumers then just see more frames.
 *
 * Return: 0; -EINVAL @count, @frame_size, @flags or @out bad, or the buffer is
 * smaller than dmashm_queue_size(); -EBUSY there is a producer (one that died
 * is there for the moment that the kernel takes to notice), or this handle of
 * the buffer has a part in the queue already; -EEXIST the queue that is there
 * has another @count, @frame_size or @flags; -EPROTO what is there is no queue
 * of this version; -ENOMEM; in a child of fork(), those of dmashm_import().
 */
int dmashm_queue_create(struct dmashm_buffer *buf, unsigned int count,
			size_t frame_size, unsigned int flags,
			struct dmashm_queue **out);

/**
 * dmashm_queue_open() - become a consumer of a buffer's queue
 * @buf: the handle; to be closed after the queue
 * @out: the queue's handle; untouched on failure
 *
 * From here on every frame is seen or counted; what was published before is
 * not.
 *
 * Return: 0; -ENOENT no queue was made yet; -EBUSY this handle of the buffer
 * has a part in the queue already (dmashm_import() gives another one); -EINVAL
 * @out; -EPROTO, -ENOMEM and the rest as dmashm_queue_create().
 */
int dmashm_queue_open(struct dmashm_buffer *buf, struct dmashm_queue **out);

/**
 * dmashm_queue_close() - leave a queue
 * @q: the handle or NULL
 *
 * A frame that is open is given back, as by dmashm_queue_put_cancel() or
 * dmashm_queue_get_end().
 */
void dmashm_queue_close(struct dmashm_queue *q);

/**
 * dmashm_queue_await() - wait until there are consumers
 * @q:         the producer's handle
 * @consumers: how many
 * @deadline:  absolute
 *
 * For a first frame that all shall see.
 *
 * Return: 0; -ETIMEDOUT; -EINVAL a consumer's handle; -EPERM in a child of
 * fork(); -EUSERS as dmashm_lock().
 */
int dmashm_queue_await(struct dmashm_queue *q, unsigned int consumers,
		       uint64_t deadline);

/**
 * dmashm_queue_put_begin() - get a frame to write
 * @q:        the producer's handle
 * @deadline: absolute; one that has passed still gets a frame that is free
 * @data:     room for the frame size; what is in it is undefined
 *
 * One frame at a time. Waits, in a queue that overwrites, only if every frame
 * is being read, else until the slowest consumer is done with the oldest one.
 *
 * Return: 0; -ETIMEDOUT; -EBUSY a frame is open already; -EPIPE after
 * dmashm_queue_finish(); -EINVAL @data, or a consumer's handle; -EPERM in a
 * child of fork(); -EUSERS as dmashm_lock(); while a device is attached, those
 * of dmashm_begin().
 */
int dmashm_queue_put_begin(struct dmashm_queue *q, uint64_t deadline,
			   void **data);

/**
 * dmashm_queue_put_end() - publish the frame
 * @q:      the producer's handle
 * @length: bytes written, 0 to the frame size
 *
 * Return: 0. With the frame still open: -EINVAL @length, or a consumer's handle;
 * -EPERM none is open, or in a child of fork(). With the frame given back and
 * nothing published: -EAGAIN a device was attached meanwhile, write
 * it again, from dmashm_queue_put_begin() on; those of dmashm_end().
 */
int dmashm_queue_put_end(struct dmashm_queue *q, size_t length);

/**
 * dmashm_queue_put_cancel() - give the frame back unpublished
 * @q: the producer's handle
 *
 * What an overwriting queue lost for it stays lost.
 *
 * Return: 0; -EPERM none is open, or in a child of fork(); -EINVAL a consumer's
 * handle; with the frame given back, those of dmashm_end().
 */
int dmashm_queue_put_cancel(struct dmashm_queue *q);

/**
 * dmashm_queue_finish() - say that no more frames will come
 * @q: the producer's handle
 *
 * Consumers get what is there, then -EPIPE, until another producer takes the
 * queue up. Does not wait for them.
 *
 * Return: 0; -EBUSY a frame is open; -EINVAL a consumer's handle; -EPERM in a
 * child of fork().
 */
int dmashm_queue_finish(struct dmashm_queue *q);

/**
 * dmashm_queue_get_begin() - get the next frame to read
 * @q:        a consumer's handle
 * @deadline: absolute; one that has passed still gets a frame that is there
 * @frame:    what there is to see, until dmashm_queue_get_end()
 *
 * One frame at a time, the oldest that this consumer has not seen.
 *
 * Return: 0. -EPIPE and -EOWNERDEAD say that no frame is there nor will come:
 * the producer has finished, or is gone without that. @frame then only says how
 * many frames were missed at the end. That a producer is gone is told once: the
 * next call waits for another one.
 *
 * Other errors, with @frame undefined: -ETIMEDOUT; -EBUSY a frame is open
 * already; -EINVAL @frame, or the producer's handle; -EPERM in a child of
 * fork(); -EUSERS as dmashm_lock(); -EPROTO the length is nonsense, the frame
 * was passed over; while a device is attached, those of dmashm_begin().
 */
int dmashm_queue_get_begin(struct dmashm_queue *q, uint64_t deadline,
			   struct dmashm_frame *frame);

/**
 * dmashm_queue_get_end() - be done with the frame
 * @q: a consumer's handle
 *
 * Return: 0; -EPERM none is open, or in a child of fork(); -EINVAL the
 * producer's handle; with the frame given back, those of dmashm_end().
 */
int dmashm_queue_get_end(struct dmashm_queue *q);

/**
 * dmashm_queue_arm() - have poll(2) on the member fd report for a queue
 * @q: the handle
 *
 * POLLIN when there may be a frame to read or, for the producer, to write, and
 * POLLPRI when a member has left, each since this call; what dmashm_arm() chose
 * is replaced. So an event loop arms, then calls begin with a deadline of 0
 * until that gives -ETIMEDOUT, then polls, and arms again when it is told.
 *
 * Return: 0; -EPERM in a child of fork().
 */
int dmashm_queue_arm(struct dmashm_queue *q);

#ifdef __cplusplus
}
#endif

#endif /* DMASHM_H */
