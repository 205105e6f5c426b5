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
#define DMASHM_SLEEPERS		1024	/* in WAIT and LOCK, of one buffer */
#define DMASHM_NAME_LEN		32	/* bytes, with the terminating NUL */
#ifndef DMASHM_NEVER
#define DMASHM_NEVER		(~(__u64)0)
#endif

/*
 * Control pages
 *
 * A member fd maps two pages, one at a time, MAP_SHARED:
 *
 *   offset 0            struct dmashm_facts, PROT_READ only
 *   offset page size    the words, PROT_READ | PROT_WRITE as wanted
 *
 * mmap answers -EINVAL for a private mapping, another offset or another
 * length than one page, -EACCES for a writable mapping of the facts, -EPERM
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
	/* private: 0 */
	__u32 reserved1[15];
};

/*
 * Offsets in the page of words, in bytes. Every word is 32 bits in the byte
 * order of the machine. What is not named is reserved and zero.
 */
#define DMASHM_OFF_BARRIER	0x000	/* the exclusive barrier's word */
#define DMASHM_OFF_READERS	0x040	/* reserved for shared mode */
#define DMASHM_OFF_LIBRARY	0x080	/* 96 words for client libraries */
#define DMASHM_OFF_EVENTS	0x200	/* 128 words for applications */
#define DMASHM_OFF_SLOTS	0x400	/* a 64-byte slot for each member */
#define DMASHM_WORDS_SIZE	0x1000
#define DMASHM_SLOT_SIZE	0x40
#define DMASHM_CAPACITY		48	/* slots */

#define DMASHM_OFF_SLOT(slot)	(DMASHM_OFF_SLOTS + (slot) * DMASHM_SLOT_SIZE)
#define DMASHM_EVENT_COUNT	((DMASHM_OFF_SLOTS - DMASHM_OFF_EVENTS) / 4)
#define DMASHM_OFF_EVENT(n)	(DMASHM_OFF_EVENTS + (n) * 4)

/*
 * The barrier's word
 *
 *   bits 1:0   who holds it: nobody, user space, the kernel
 *   bit  2     somebody sleeps in WAIT: who unlocks must WAKE
 *   bit  3     the last holder died inside, and nobody declared the data
 *              repaired since
 *   bits 7:4   reserved, 0
 *   bits 31:8  the id of the member that holds it; 0 for the kernel
 *
 * To lock: compare-and-exchange (acquire) a word whose kind is FREE with
 * DMASHM_HELD(id), keeping DIED and WAITERS as they were. Where it is held,
 * set WAITERS by compare-and-exchange and WAIT for the word to change. A
 * locker that has slept sets WAITERS when it takes the lock, for it cannot
 * know whether others still sleep.
 *
 * To unlock: compare-and-exchange (release) the word, as long as it bears the
 * own id, for 0, or for DIED alone if that is set; if WAITERS was set, WAKE
 * one. Comparing costs no more than exchanging and leaves alone what is not
 * one's own.
 *
 * A word whose holder is not a living member, or whose kind is 3, belongs to
 * nobody: WAIT and the kernel's own locking turn it into DIED.
 */
#define DMASHM_KIND_MASK	0x3u
#define DMASHM_KIND_FREE	0x0u
#define DMASHM_KIND_USER	0x1u
#define DMASHM_KIND_KERNEL	0x2u
#define DMASHM_WAITERS		0x4u
#define DMASHM_DIED		0x8u
#define DMASHM_ID_SHIFT		8
#define DMASHM_ID_MAX		0xffffffu

#define DMASHM_HELD(id)		(((__u32)(id) << DMASHM_ID_SHIFT) | DMASHM_KIND_USER)

/**
 * struct dmashm_create - make a buffer (device)
 * @size:  in: bytes wanted; out: bytes given, rounded up to the page size
 * @flags: in: 0
 * @fd:    in: ignored; out: a dma-buf fd, readable and writable
 * @name:  in: what INFO and a member's fdinfo call it; NUL-terminated, may be
 *         empty
 *
 * The buffer arrives zeroed. It lives as long as any fd, mapping, member,
 * device attachment or kernel user needs it. It is charged to the caller's
 * memory cgroup.
 *
 * Errors: -EINVAL size is 0 or @name has no NUL; -EFBIG size is beyond the
 * module's max_buffer_mib; -ENOMEM no memory, or none left in the caller's
 * cgroup; -EINTR killed while allocating; -EMFILE, -ENFILE no fd left.
 */
struct dmashm_create {
	__u64 size;
	__u32 flags;
	__s32 fd;
	char name[DMASHM_NAME_LEN];
};

/**
 * struct dmashm_join - become a member (device, member)
 * @dmabuf_fd: in: a dma-buf of this module, open for reading and writing. On
 *             a member fd it may be -1, which means that member's own buffer;
 *             any other must be a dma-buf over the same buffer, so that a
 *             receiver can tell that two fds belong together.
 * @flags:     in: 0
 * @fd:        in: ignored; out: a member fd, owned by the calling process
 * @id:        in: ignored; out: the member's id, 1 to DMASHM_ID_MAX, never
 *             used for another member while the buffer lives
 * @slot:      in: ignored; out: the member's slot, 0 to DMASHM_CAPACITY - 1
 * @pad:       in: 0; out: 0
 *
 * A process that was only handed fds needs no right on the device: a member
 * fd, whoever it belongs to, is enough to join.
 *
 * Errors: -EBADF @dmabuf_fd is no open fd; -EINVAL it is not a dma-buf of this
 * module; -EACCES it is not open for writing; -EXDEV it belongs to another
 * buffer than this member; -EUSERS the buffer has DMASHM_CAPACITY members;
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
 * struct dmashm_info - what there is to know about a buffer (device, member)
 * @dmabuf_fd:   in: as in struct dmashm_join
 * @flags:       in: 0
 * @size:        out: bytes of data
 * @buffer_id:   out: as in struct dmashm_facts
 * @abi:         out: DMASHM_ABI of the module
 * @capacity:    out: how many members there can be
 * @members:     out: how many there are
 * @attachments: out: how many devices are attached
 * @id:          out: id of the member asked, 0 on the device
 * @pad:         in: 0; out: 0
 * @name:        out: the name given at creation
 *
 * What is marked out is ignored on input.
 *
 * Errors: as for struct dmashm_join up to -EXDEV, except that a read-only fd
 * will do.
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

/**
 * struct dmashm_wait - sleep while a word keeps its value (member)
 * @offset:   in: of the word, a multiple of 4 below DMASHM_WORDS_SIZE
 * @expected: in: sleep only if the word has this value
 * @deadline: in: when to give up
 * @flags:    in: 0
 * @pad:      in: 0
 *
 * Like futex(2): comparing and going to sleep are one step with regard to
 * WAKE. May return 0 although nothing changed (so does every death of a
 * member): look at the word again.
 *
 * Errors: -EAGAIN the word had another value; -ETIMEDOUT; -EINTR a signal
 * (restarted where SA_RESTART says so); -EINVAL offset; -EUSERS already
 * DMASHM_SLEEPERS sleep on this buffer's words.
 */
struct dmashm_wait {
	__u32 offset;
	__u32 expected;
	__u64 deadline;
	__u32 flags;
	__u32 pad;
};

/**
 * struct dmashm_wake - wake those who sleep on a word (member)
 * @offset: in: as in struct dmashm_wait
 * @count:  in: wake this many at the most, in the order in which they came
 * @flags:  in: 0
 * @woken:  in: ignored; out: how many were woken
 *
 * Errors: -EINVAL offset.
 */
struct dmashm_wake {
	__u32 offset;
	__u32 count;
	__u32 flags;
	__u32 woken;
};

/**
 * struct dmashm_lock - take the barrier for this member (member)
 * @deadline: in: when to give up; ignored with DMASHM_LOCK_TRY
 * @flags:    in: 0 or DMASHM_LOCK_TRY
 * @pad:      in: 0
 *
 * For those who do not map the words. Same protocol, same word: a member may
 * lock this way and unlock in user space, and the reverse.
 *
 * Returns 0, or -EOWNERDEAD, with the lock held in both cases. Every other
 * value means that it is not held: -EBUSY (DMASHM_LOCK_TRY) somebody has it;
 * -ETIMEDOUT; -EINTR a signal; -EUSERS as WAIT; -EPERM the caller is not the
 * process that joined.
 */
struct dmashm_lock {
	__u64 deadline;
	__u32 flags;
	__u32 pad;
};

#define DMASHM_LOCK_TRY		0x1u	/* do not wait */

/**
 * struct dmashm_unlock - give the barrier back, or declare the data repaired
 * @flags: in: 0
 * @pad:   in: 0
 *
 * UNLOCK gives the barrier back and wakes who waits. RECOVER, called by the
 * holder after -EOWNERDEAD, takes the mark off; without it the next one to
 * lock gets -EOWNERDEAD again.
 *
 * Errors: -EPERM this member does not hold the barrier, or the caller is not
 * the process that joined; -EPROTO somebody keeps changing the word against
 * the rules.
 */
struct dmashm_unlock {
	__u32 flags;
	__u32 pad;
};

/*
 * read, write, pread, pwrite and lseek on a member fd move the buffer's data
 * while the kernel holds the barrier (kind KERNEL) and has synchronised the
 * devices, up to DMASHM_IO_CHUNK bytes in one holding: what fits in one is
 * never torn. Reading at the end gives 0, writing there -ENOSPC. O_NONBLOCK
 * makes them -EAGAIN instead of waiting. -EOWNERDEAD when the last holder
 * died: nothing moved, RECOVER is due. -EPROTO when another member overwrote
 * the word meanwhile: what moved may be torn. -EINTR when a signal came
 * before anything moved. -EUSERS as WAIT. -ENOMEM, -EFAULT. What goes wrong
 * after a first chunk ends the call short; the next call tells.
 */
#define DMASHM_IO_CHUNK		65536

#define DMASHM_IOC_MAGIC	0xD5

#define DMASHM_IOC_CREATE	_IOWR(DMASHM_IOC_MAGIC, 0x00, struct dmashm_create)
#define DMASHM_IOC_JOIN		_IOWR(DMASHM_IOC_MAGIC, 0x01, struct dmashm_join)
#define DMASHM_IOC_INFO		_IOWR(DMASHM_IOC_MAGIC, 0x02, struct dmashm_info)
#define DMASHM_IOC_WAIT		_IOW(DMASHM_IOC_MAGIC, 0x10, struct dmashm_wait)
#define DMASHM_IOC_WAKE		_IOWR(DMASHM_IOC_MAGIC, 0x11, struct dmashm_wake)
#define DMASHM_IOC_LOCK		_IOW(DMASHM_IOC_MAGIC, 0x12, struct dmashm_lock)
#define DMASHM_IOC_UNLOCK	_IOW(DMASHM_IOC_MAGIC, 0x13, struct dmashm_unlock)
#define DMASHM_IOC_RECOVER	_IOW(DMASHM_IOC_MAGIC, 0x14, struct dmashm_unlock)

#endif /* _UAPI_LINUX_DMASHM_H */
