/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * dmashm: shared memory as dma-buf file descriptors, with a barrier that user
 * space and the kernel both take. This header is the whole contract between
 * user space and the module.
 *
 * Three nouns:
 *
 *   buffer   a dma-buf fd. mmap, DMA_BUF_IOCTL_SYNC and import into devices
 *            are those of every dma-buf.
 *   member   an fd that stands for one process's part in one buffer's barrier.
 *            It belongs to the process (the address space) that joined.
 *   barrier  32-bit words in a control page that members map, and that the
 *            kernel takes by the same protocol through its own mapping.
 *
 * Rules common to every ioctl here:
 *
 *   - A struct may grow at its end in later versions. A shorter struct than
 *     the kernel's is taken as if the rest were zero; a longer one is accepted
 *     as long as what the kernel does not know is zero, else -E2BIG. A struct
 *     shorter than its first published version is -EINVAL. The kernel writes
 *     back no more bytes than the caller's struct has.
 *   - Unknown flags and non-zero padding are -EINVAL.
 *   - A call that fails changes nothing and installs no fd; but WAKE with an
 *     argument that cannot be written has woken before it fails, and a JOIN
 *     that finds no fd or cannot write its result has used up an id.
 *   - -EFAULT when the argument cannot be read or written, -ENOTTY for a
 *     command that this kind of fd does not answer.
 *   - Deadlines are absolute times of CLOCK_MONOTONIC in nanoseconds, as the
 *     caller's time namespace shows it, so an interrupted call is simply made
 *     again. DMASHM_NEVER, or any of 2^63 and above, waits without end.
 *   - A new fd is close-on-exec.
 */
#ifndef _UAPI_LINUX_DMASHM_H
#define _UAPI_LINUX_DMASHM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define DMASHM_ABI		1	/* struct dmashm_facts.abi */
#define DMASHM_DEVICE		"/dev/dmashm"
#define DMASHM_SLEEPERS		1024	/* in WAIT, and again in LOCK, of one buffer */
#define DMASHM_NAME_LEN		32	/* bytes, with the terminating NUL */
#ifndef DMASHM_NEVER
#define DMASHM_NEVER		(~(__u64)0)
#endif

/*
 * Views
 *
 * A dma-buf that EXPORT made with O_RDONLY is a view: through it the data can be
 * read, and not written, by no way that there is. Who joins by a view is a
 * viewer, a member that may only read; so is who joins by a viewer's fd. Whoever
 * is handed a view, and a viewer's fd to join from, can do no more than that.
 *
 *   - A view is mapped for writing with -EACCES, also by mprotect, and by the
 *     mmap of a device that imported it. Devices map it DMA_TO_DEVICE or not at
 *     all (-EACCES), nor does the kernel (vmap: -EINVAL). DMA_BUF_IOCTL_SYNC is
 *     -EACCES but for DMA_BUF_SYNC_READ; END does nothing, and START, where there
 *     is a device to synchronise with, takes the barrier shared meanwhile, which
 *     nobody can take back while data moves.
 *   - A viewer has no slot and no id, and does not count among the members of
 *     the buffer; there can be DMASHM_VIEWERS. Its fd answers JOIN, EXPORT, INFO,
 *     WAIT, ARM, SYNC to read, LOCK and UNLOCK, these two only shared, and all
 *     else with -EACCES. It is read with the barrier taken, as any member's, not
 *     written (-EBADF), and maps both control pages only to be read.
 *   - A viewer's LOCK gives a lease: once DMASHM_LEASE_NS have passed since the
 *     last of its threads came in, who wants the barrier exclusively takes it
 *     back. A viewer that comes out later than that is told by UNLOCK with -ESTALE
 *     that somebody may have written meanwhile, and until all its threads have
 *     been told, LOCK is -ESTALE too.
 *     To other members a lease is one of the times that the kernel is in, shared.
 *     So a viewer keeps those who write from it no longer than DMASHM_LEASE_NS at
 *     a time, whatever it does, but for a START as above, which adds what it takes
 *     to synchronise; and it takes up none of the places that they need.
 */
#define DMASHM_LEASE_NS		100000000	/* a tenth of a second */
#define DMASHM_VIEWERS		256	/* of a buffer; as many threads in LOCK */
#define DMASHM_NO_SLOT		(~(__u32)0)

/*
 * Control pages
 *
 * A member fd maps two pages, one at a time, MAP_SHARED:
 *
 *   offset 0            struct dmashm_facts, PROT_READ only
 *   offset page size    the words, PROT_READ | PROT_WRITE as wanted
 *
 * mmap answers -EINVAL for a private mapping, another offset or another
 * length than one page, -EACCES for a writable mapping of the facts, or by a
 * viewer, -EPERM
 * where the caller is not the process that joined. The mappings are not
 * inherited over fork().
 *
 * None of this is part of the dma-buf: no device ever sees it and no
 * DMA_BUF_IOCTL_SYNC ever copies over it.
 */

#define DMASHM_MAGIC		0x646d7368	/* "dmsh" */

/**
 * struct dmashm_facts - what the kernel states; user space cannot write it
 * @magic:       DMASHM_MAGIC
 * @abi:         DMASHM_ABI
 * @size:        bytes of data in the buffer, a multiple of the page size
 * @buffer_id:   never 0, never used again until the module is unloaded
 * @capacity:    how many members the buffer can have at one time
 * @attachments: how many devices are attached to the buffer, through any
 *               dma-buf over it. Raised, with a full barrier, before a device
 *               can map; lowered after it unmapped.
 * @departures:  how many members have left, by death or otherwise; wraps
 * @arrivals:    how many times a device has been attached; wraps. Raised
 *               together with @attachments.
 */
struct dmashm_facts {
	__u32 magic;
	__u32 abi;
	__u64 size;
	__u64 buffer_id;
	__u32 capacity;
	/* private: 0 */
	__u32 reserved0[9];
	/* public: at 64, a cache line of its own */
	__u32 attachments;
	__u32 departures;
	__u32 arrivals;
	/* private: 0 */
	__u32 reserved1[13];
};

/*
 * Offsets in the page of words, in bytes. Every word is 32 bits in the byte
 * order of the machine. What is not named is reserved and zero.
 */
#define DMASHM_OFF_BARRIER	0x000	/* the barrier's word */
#define DMASHM_OFF_READERS	0x040	/* two words: whose slots to look at */
#define DMASHM_OFF_LIBRARY	0x080	/* 96 words for client libraries */
#define DMASHM_OFF_EVENTS	0x200	/* 128 words for applications */
#define DMASHM_OFF_SLOTS	0x400	/* a 64-byte slot for each member */
#define DMASHM_WORDS_SIZE	0x1000
#define DMASHM_SLOT_SIZE	0x40
#define DMASHM_CAPACITY		48	/* slots */

#define DMASHM_OFF_SLOT(slot)	(DMASHM_OFF_SLOTS + (slot) * DMASHM_SLOT_SIZE)
#define DMASHM_SLOT_WRITES	(DMASHM_SLOT_SIZE - 4)	/* its last word */
#define DMASHM_EVENT_COUNT	((DMASHM_OFF_SLOTS - DMASHM_OFF_EVENTS) / 4)
#define DMASHM_OFF_EVENT(n)	(DMASHM_OFF_EVENTS + (n) * 4)

/*
 * The barrier: one holder that excludes all, or any number that share it
 *
 * Its word
 *
 *   bits 1:0   who holds it exclusively: nobody, user space, the kernel
 *   bit  2     WAITERS: lockers sleep in the kernel; who unlocks asks it to
 *   bit  3     DIED: the last exclusive holder died inside, or on its way in,
 *              and nobody declared the data repaired since
 *   bit  4     TURN: a free word is promised to those who sleep in the kernel;
 *              user space neither takes it nor comes in shared
 *   bits 7:5   reserved, 0
 *   bits 31:8  the id of the member that holds it; 0 for the kernel
 *
 * A slot's first word, changed by its member and the kernel alone. A slot is zero
 * when a member gets it and again, by the kernel, when the member leaves.
 *
 *   bits 30:0  how many threads of the member are in, shared
 *   bit  31    DRAIN: an exclusive locker sleeps until that is 0; who comes out
 *              asks the kernel
 *
 * Its last word is odd while its member, holding the barrier exclusively, writes
 * to the data. Who writes makes it another odd number after locking, puts a full
 * fence, then looks at the count of attachments, and leaves SYNC out if that is 0;
 * and makes it even before unlocking. A device that comes and goes in between then
 * gives nothing back, which it else would, over what was written meanwhile. What
 * lies between the two words is the member's library's.
 *
 * The words of READERS, together a map of 64 bits: bit s says that the slot s
 * is to be looked at; bit 63, that the kernel is in, shared, or viewers are. A
 * member sets its bit before it comes in shared the first time; the kernel takes
 * it off when the member leaves. Who finds bit 63 set and does not want to sleep
 * asks by LOCK with DMASHM_LOCK_TRY: only the kernel can take back a lease.
 *
 * All that follows is sequentially consistent where nothing else is said. One
 * pair must be: the locker's change of the word, then its look at the slots;
 * the reader's change of its slot, then its look at the word. At least one of
 * the two sees the other.
 *
 * To lock: compare-and-exchange a word that is free and has no TURN for
 * DMASHM_HELD(id), keeping WAITERS and DIED. Then look at READERS and at the
 * slots that it names: once each has been seen with no thread in, and the
 * kernel's bit clear, the lock is held. DIED in the word means that it is held
 * as after LOCK with -EOWNERDEAD.
 *
 * To unlock: compare-and-exchange (release) the word, as long as it bears the
 * own id and has neither WAITERS nor TURN, for 0, or for DIED alone if that is
 * set. Else UNLOCK.
 *
 * To lock shared: add 1 to the own slot. If the word is then free and has no
 * TURN, the lock is held; DIED as above. Else undo that by unlocking.
 *
 * To unlock shared: compare-and-exchange (release) the own slot for one less,
 * if DRAIN is not set. Else UNLOCK with DMASHM_UNLOCK_SHARED.
 *
 * Where a lock is not to be had, after spinning or not, give back what was
 * changed and LOCK: the kernel keeps the sleepers, in the order in which they
 * came.
 *
 * A word whose holder is not a living member, or whose kind is 3, belongs to
 * nobody: LOCK, and WAIT on it, turn it into DIED.
 */
#define DMASHM_KIND_MASK	0x3u
#define DMASHM_KIND_FREE	0x0u
#define DMASHM_KIND_USER	0x1u
#define DMASHM_KIND_KERNEL	0x2u
#define DMASHM_WAITERS		0x4u
#define DMASHM_DIED		0x8u
#define DMASHM_TURN		0x10u
#define DMASHM_ID_SHIFT		8
#define DMASHM_ID_MAX		0xffffffu

#define DMASHM_HELD(id)		(((__u32)(id) << DMASHM_ID_SHIFT) | DMASHM_KIND_USER)

#define DMASHM_SLOT_DRAIN	0x80000000u
#define DMASHM_SLOT_COUNT	0x7fffffffu
#define DMASHM_SHARED_MAX	0x3fffffffu	/* times one member is in */

#define DMASHM_READERS_KERNEL	0x80000000u	/* in the second word */

/**
 * struct dmashm_create - make a buffer (device)
 * @size:  in: bytes wanted; out: bytes given, rounded up to the page size
 * @flags: in: 0 or DMASHM_CREATE_CONTIGUOUS
 * @fd:    in: ignored; out: a dma-buf fd, readable and writable
 * @name:  in: what INFO and a member's fdinfo call it; NUL-terminated, may be
 *         empty
 *
 * The buffer arrives zeroed. It lives as long as any fd, mapping, member,
 * device attachment or kernel user needs it. It is charged to the caller's
 * memory cgroup, and as long as it lives its size counts for the caller's real
 * user id and in the total.
 *
 * Errors: -EINVAL size is 0, @flags unknown or @name has no NUL; -EFBIG size is
 * beyond the module's max_buffer_mib, or with DMASHM_CREATE_CONTIGUOUS beyond
 * the largest block of the kernel's page allocator (4 MiB with 4 KiB pages);
 * -EDQUOT all buffers of the user would be beyond max_user_mib; -ENOSPC all
 * buffers together would be beyond max_total_mib; -ENOMEM no memory, none of it
 * in one piece (DMASHM_CREATE_CONTIGUOUS), or none left in the caller's cgroup;
 * -EINTR killed while allocating; -EMFILE, -ENFILE no fd left.
 */
struct dmashm_create {
	__u64 size;
	__u32 flags;
	__s32 fd;
	char name[DMASHM_NAME_LEN];
};

/* Physically contiguous, for devices that take one address and no list. */
#define DMASHM_CREATE_CONTIGUOUS	0x1u

/**
 * struct dmashm_join - become a member (device, member)
 * @dmabuf_fd: in: a dma-buf of this module, open for reading at least. On
 *             a member fd it may be -1, which means that member's own buffer;
 *             any other must be a dma-buf over the same buffer, so that a
 *             receiver can tell that two fds belong together.
 * @flags:     in: 0
 * @fd:        in: ignored; out: a member fd, owned by the calling process
 * @id:        in: ignored; out: the member's id, 1 to DMASHM_ID_MAX, never
 *             used for another member while the buffer lives; 0: a viewer
 * @slot:      in: ignored; out: the member's slot, 0 to DMASHM_CAPACITY - 1;
 *             DMASHM_NO_SLOT: a viewer
 * @pad:       in: 0; out: 0
 *
 * A process that was only handed fds needs no right on the device: a member
 * fd, whoever it belongs to, is enough to join. The new member is a viewer
 * unless all that was given, the dma-buf and the member, may be written to.
 *
 * Errors: -EBADF @dmabuf_fd is no open fd; -EINVAL it is not a dma-buf of this
 * module; -EACCES it is not open for reading; -EXDEV it belongs to another
 * buffer than this member; -EUSERS the buffer has DMASHM_CAPACITY members, or
 * DMASHM_VIEWERS viewers;
 * -EOVERFLOW its ids are used up; -ENOMEM, -EMFILE, -ENFILE.
 */
struct dmashm_join {
	__s32 dmabuf_fd;
	__u32 flags;
	__s32 fd;
	__u32 id;
	__u32 slot;
	__u32 pad;
};

/**
 * struct dmashm_export - another dma-buf over the same buffer (device, member)
 * @dmabuf_fd: in: as in struct dmashm_join
 * @flags:     in: O_RDONLY, for a view, or O_RDWR
 * @fd:        in: ignored; out: the dma-buf fd
 * @pad:       in: 0; out: 0
 *
 * All dma-bufs over a buffer have the same data, fences and devices.
 *
 * Errors: as for struct dmashm_join up to -EXDEV; -EACCES (O_RDWR) what was
 * given may only be read; -EPERM (O_RDWR) the data is sealed; -ENOMEM, -EMFILE,
 * -ENFILE.
 */
struct dmashm_export {
	__s32 dmabuf_fd;
	__u32 flags;
	__s32 fd;
	__u32 pad;
};

/**
 * struct dmashm_seal - have nobody write to the data any more (member)
 * @flags: in: 0
 * @pad:   in: 0
 *
 * For the process that made the buffer. From then on, for every dma-buf over the
 * buffer: writable mappings are -EPERM, also by mprotect of what is mapped since
 * (-EACCES there), and so are mapping for a device but DMA_TO_DEVICE, vmap, write
 * on a member fd and EXPORT with O_RDWR. There is no way back. Sealing again is
 * 0. The barrier goes on as before.
 *
 * Errors: -EBUSY somebody could write: there is a mapping that is writable or
 * can be made so, a device attached through a dma-buf that may be written to, a
 * vmap, a write, or direct I/O, a pipe or the like that holds a page, or who tries
 * to seal at the same time; -EPERM the caller's process did not make the buffer;
 * -EACCES a viewer; -EINTR a signal.
 */
struct dmashm_seal {
	__u32 flags;
	__u32 pad;
};

/**
 * struct dmashm_info - what there is to know about a buffer (device, member)
 * @dmabuf_fd:   in: as in struct dmashm_join
 * @flags:       in: 0; out: any of DMASHM_INFO_RDONLY and DMASHM_INFO_SEALED
 * @size:        out: bytes of data
 * @buffer_id:   out: as in struct dmashm_facts
 * @abi:         out: DMASHM_ABI of the module
 * @capacity:    out: how many members there can be
 * @members:     out: how many there are, viewers not among them
 * @attachments: out: how many devices are attached
 * @id:          out: id of the member asked, 0 on the device
 * @pad:         in: 0; out: 0
 * @name:        out: the name given at creation
 *
 * What is marked out is ignored on input.
 *
 * Errors: as for struct dmashm_join up to -EXDEV.
 */
struct dmashm_info {
	__s32 dmabuf_fd;
	__u32 flags;
	__u64 size;
	__u64 buffer_id;
	__u32 abi;
	__u32 capacity;
	__u32 members;
	__u32 attachments;
	__u32 id;
	__u32 pad;
	char name[DMASHM_NAME_LEN];
};

#define DMASHM_INFO_RDONLY	0x1u	/* what was given may only be read */
#define DMASHM_INFO_SEALED	0x2u	/* nobody writes to the data any more */

/**
 * struct dmashm_wait - sleep while a word keeps its value (member)
 * @offset:     in: of the word, a multiple of 4 below DMASHM_WORDS_SIZE
 * @expected:   in: sleep only if the word has this value
 * @deadline:   in: when to give up
 * @flags:      in: 0 or DMASHM_WAIT_DEPARTURES
 * @departures: in: with that flag, sleep only if the count of departures has
 *              this value too, so that no death is missed; else 0
 *
 * Like futex(2): comparing and going to sleep are one step with regard to
 * WAKE. May return 0 although nothing changed, and does when any member
 * leaves: look at the word again.
 *
 * Errors: -EAGAIN the word or the count had another value; -ETIMEDOUT; -EINTR
 * a signal (restarted where SA_RESTART says so); -EINVAL offset; -EUSERS
 * already DMASHM_SLEEPERS sleep on words of this buffer, or half as many
 * viewers do.
 */
struct dmashm_wait {
	__u32 offset;
	__u32 expected;
	__u64 deadline;
	__u32 flags;
	__u32 departures;
};

#define DMASHM_WAIT_DEPARTURES	0x1u

/**
 * struct dmashm_wake - wake those who sleep on a word (member)
 * @offset: in: as in struct dmashm_wait
 * @count:  in: wake this many at the most, in the order in which they came
 * @flags:  in: 0
 * @woken:  in: ignored; out: how many were woken
 *
 * Members whose fd is armed for this word are told in any case; they do not
 * count.
 *
 * Errors: -EINVAL offset; -EACCES a viewer.
 */
struct dmashm_wake {
	__u32 offset;
	__u32 count;
	__u32 flags;
	__u32 woken;
};

/**
 * struct dmashm_arm - what poll on this fd reports (member)
 * @offset:     in: as in struct dmashm_wait
 * @expected:   in: poll gives EPOLLIN when the word has another value
 * @flags:      in: 0
 * @departures: in: poll gives EPOLLPRI when the count of departures has
 *              another value
 *
 * One word a member; arming again replaces it, and a member that never armed
 * reports neither. A change is noticed at the WAKE that follows it. EPOLLHUP
 * says that the member has left: its process is gone.
 *
 * Errors: -EINVAL offset.
 */
struct dmashm_arm {
	__u32 offset;
	__u32 expected;
	__u32 flags;
	__u32 departures;
};

/**
 * struct dmashm_lock - take the barrier for this member (member)
 * @deadline: in: when to give up; ignored with DMASHM_LOCK_TRY
 * @flags:    in: any of DMASHM_LOCK_TRY, DMASHM_LOCK_SHARED
 * @pad:      in: 0
 *
 * For those who cannot have it by themselves, and for those who do not map the
 * words. Same protocol, same words: a member may lock this way and unlock in
 * user space, and the reverse.
 *
 * Sleepers are served in the order in which they came; one that has slept for
 * a millisecond and been passed by has TURN set, so that nobody passes it
 * again. A signal costs the place.
 *
 * Not recursive, not even shared: a writer that came in between waits for the
 * first, and the second waits for the writer. read on a member fd takes it
 * shared, write exclusively: not to be called by who has the barrier.
 *
 * Returns 0, or -EOWNERDEAD, with the lock held in both cases. Every other
 * value means that it is not held: -EBUSY (DMASHM_LOCK_TRY) somebody has it;
 * -ETIMEDOUT; -EINTR a signal; -EUSERS DMASHM_SLEEPERS sleep for it, in user
 * space and in the kernel; -EOVERFLOW the member is in,
 * shared, DMASHM_SHARED_MAX times; -EPERM the caller is not the process that
 * joined. A viewer: -EACCES without DMASHM_LOCK_SHARED; -ESTALE see above.
 */
struct dmashm_lock {
	__u64 deadline;
	__u32 flags;
	__u32 pad;
};

#define DMASHM_LOCK_TRY		0x1u	/* do not wait */
#define DMASHM_LOCK_SHARED	0x2u	/* exclude exclusive holders only */

/**
 * struct dmashm_unlock - give the barrier back, or declare the data repaired
 * @flags: in: for UNLOCK, 0 or DMASHM_UNLOCK_SHARED as it was locked; else 0
 * @pad:   in: 0
 *
 * UNLOCK gives the barrier back and wakes who waits. RECOVER, called by the
 * exclusive holder after -EOWNERDEAD, takes the mark off; without it the next
 * one to lock gets -EOWNERDEAD again.
 *
 * Errors: -EPERM this member does not hold the barrier that way, or the caller
 * is not the process that joined; -EPROTO somebody keeps changing the word
 * against the rules; -ESTALE (a viewer) the lease was taken back; -EACCES (a
 * viewer) all but unlocking shared.
 */
struct dmashm_unlock {
	__u32 flags;
	__u32 pad;
};

#define DMASHM_UNLOCK_SHARED	0x1u

/**
 * struct dmashm_sync - DMA_BUF_IOCTL_SYNC for a part of the data (member)
 * @flags:  in: as in struct dma_buf_sync: DMA_BUF_SYNC_START or
 *          DMA_BUF_SYNC_END, with DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE or both
 * @offset: in: the first byte
 * @length: in: how many, not 0
 *
 * For who touches little of a large buffer: takes as long as the range is large,
 * not as the buffer is. START waits for the fences of devices, which stand for
 * all of the buffer. Both take the same range. What lies in one cache line with
 * it is synchronised with it where a device does not see the CPU's caches.
 *
 * Needs no barrier, as DMA_BUF_IOCTL_SYNC needs none; but who writes should hold
 * it, or what he writes may be overwritten by the START of somebody else. START
 * with DMA_BUF_SYNC_WRITE alone fetches what devices wrote, too.
 *
 * Errors: -EINVAL @flags, @length is 0, or the range does not lie within the
 * data; -EACCES (a viewer) writing; -EINTR a signal came while START waited
 * (restarted where SA_RESTART says so); (a viewer) -EUSERS as LOCK.
 */
struct dmashm_sync {
	__u64 flags;
	__u64 offset;
	__u64 length;
};

/*
 * read, write, pread, pwrite and lseek on a member fd move the buffer's data
 * while the kernel holds the barrier, shared to read and exclusively to write,
 * and has synchronised the devices, up to DMASHM_IO_CHUNK bytes in one holding:
 * what fits in one is never torn. Reading at the end gives 0, writing there
 * -ENOSPC. A viewer's fd cannot be written (-EBADF), nor sealed data (-EPERM).
 * O_NONBLOCK, or RWF_NOWAIT, makes them -EAGAIN instead of waiting. io_uring
 * does not wait for the barrier either: -EBUSY. -EOWNERDEAD when the last
 * holder died: nothing moved, RECOVER is due. -EPROTO from write when
 * another member overwrote the word meanwhile: what moved may be torn. -EINTR
 * when a signal came before anything moved. -EUSERS as LOCK. -ENOMEM, -EFAULT.
 * What goes wrong after a first chunk ends the call short; the next call tells.
 *
 * splice and sendfile, from a member fd and to one, do the same with a pipe at
 * the other end: what goes through at one time is a chunk or what the pipe has
 * room for, if that is less. As the pipe is locked meanwhile, they wait for the
 * barrier a second at the most, then it is -EAGAIN, with nothing moved.
 *
 * The mapping of the dma-buf is ordinary memory to all that takes some: direct
 * I/O, registered buffers of io_uring, vmsplice, process_vm_readv. What holds a
 * page keeps that page; the buffer may go.
 */
#define DMASHM_IO_CHUNK		65536

/*
 * The heap: /dev/dma_heap/dmashm answers DMA_HEAP_IOCTL_ALLOC as linux/dma-heap.h
 * describes it, for programs written for dma-heap. What it gives is a buffer
 * like any other, named "dma-heap". The fd has the access mode and O_CLOEXEC of
 * fd_flags. As with dma-heap that is for the CPU: one for reading only is no view,
 * and devices write through it; but who joins by it is a viewer.
 *
 * Errors: -EINVAL len is 0, fd is not 0, a flag is unknown, or another command;
 * the others as those of struct dmashm_create.
 */
#define DMASHM_HEAP_DEVICE	"/dev/dma_heap/dmashm"

#define DMASHM_IOC_MAGIC	0xD5

#define DMASHM_IOC_CREATE	_IOWR(DMASHM_IOC_MAGIC, 0x00, struct dmashm_create)
#define DMASHM_IOC_JOIN		_IOWR(DMASHM_IOC_MAGIC, 0x01, struct dmashm_join)
#define DMASHM_IOC_INFO		_IOWR(DMASHM_IOC_MAGIC, 0x02, struct dmashm_info)
#define DMASHM_IOC_EXPORT	_IOWR(DMASHM_IOC_MAGIC, 0x03, struct dmashm_export)
#define DMASHM_IOC_SEAL		_IOW(DMASHM_IOC_MAGIC, 0x04, struct dmashm_seal)
#define DMASHM_IOC_WAIT		_IOW(DMASHM_IOC_MAGIC, 0x10, struct dmashm_wait)
#define DMASHM_IOC_WAKE		_IOWR(DMASHM_IOC_MAGIC, 0x11, struct dmashm_wake)
#define DMASHM_IOC_LOCK		_IOW(DMASHM_IOC_MAGIC, 0x12, struct dmashm_lock)
#define DMASHM_IOC_UNLOCK	_IOW(DMASHM_IOC_MAGIC, 0x13, struct dmashm_unlock)
#define DMASHM_IOC_RECOVER	_IOW(DMASHM_IOC_MAGIC, 0x14, struct dmashm_unlock)
#define DMASHM_IOC_ARM		_IOW(DMASHM_IOC_MAGIC, 0x15, struct dmashm_arm)
#define DMASHM_IOC_SYNC		_IOW(DMASHM_IOC_MAGIC, 0x16, struct dmashm_sync)

#endif /* _UAPI_LINUX_DMASHM_H */
