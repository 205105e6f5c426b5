/* SPDX-License-Identifier: MIT */
/* What the tester module and the test programs share. */
#ifndef DMASHM_TESTER_H
#define DMASHM_TESTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TESTER_DEVICE "/dev/dmashm_tester"

/*
 * struct tester_open - choose the buffer that the other calls are about
 * @dmabuf_fd: a dmashm dma-buf
 * @pad:       0
 */
struct tester_open {
	__s32 dmabuf_fd;
	__u32 pad;
};

/*
 * struct tester_count - add to a counter from a kernel thread
 * @offset:  of a 64-bit counter in the buffer
 * @rounds:  how many times it adds 1, with a plain read and a plain write
 * @guarded: 1: each time under the barrier; 0: without
 *
 * Returns when the thread is done.
 */
struct tester_count {
	__u64 offset;
	__u32 rounds;
	__u32 guarded;
};

#define TESTER_RECORD 32	/* 64-bit words, at the start of the buffer */

/*
 * struct tester_record - write and read a record from a kernel thread
 * @rounds:  how many times; one in four writes
 * @guarded: 1: under the barrier, exclusively or shared; 0: without
 * @written: out: how many times it wrote: each word, the first plus 1
 * @torn:    out: how many times the words were not all equal
 *
 * Returns when the thread is done.
 */
struct tester_record {
	__u32 rounds;
	__u32 guarded;
	__u32 written;
	__u32 torn;
};

/*
 * struct tester_table - be a device that imports the buffer
 * @max_segment: bytes, as its driver would set it; 0: it sets none
 * @entries:     out: how many its table has
 *
 * Each page must begin with its own number, as 64 bits: EBADMSG if the pages of
 * the table are not all of them in order, EMSGSIZE if an entry is too long.
 */
struct tester_table {
	__u32 max_segment;
	__u32 entries;
};

#define TESTER_IOC_OPEN    _IOW(0xD7, 0x00, struct tester_open)
#define TESTER_IOC_COUNT   _IOW(0xD7, 0x01, struct tester_count)
/* The calls of linux/dmashm.h as they are; LOCK takes a deadline. */
#define TESTER_IOC_LOCK    _IOW(0xD7, 0x02, __u64)
#define TESTER_IOC_TRYLOCK _IO(0xD7, 0x03)
#define TESTER_IOC_UNLOCK  _IO(0xD7, 0x04)
#define TESTER_IOC_RECOVER _IO(0xD7, 0x05)
#define TESTER_IOC_SIZE    _IOR(0xD7, 0x06, __u64)
/* Maps the data, as importers do; gives the 64-bit word at an offset, adding 1. */
#define TESTER_IOC_VMAP    _IOWR(0xD7, 0x07, __u64)
#define TESTER_IOC_LOCK_SHARED    _IOW(0xD7, 0x08, __u64)
#define TESTER_IOC_TRYLOCK_SHARED _IO(0xD7, 0x09)
#define TESTER_IOC_UNLOCK_SHARED  _IO(0xD7, 0x0a)
#define TESTER_IOC_RECORD         _IOWR(0xD7, 0x0b, struct tester_record)
#define TESTER_IOC_TABLE          _IOWR(0xD7, 0x0c, struct tester_table)

#endif /* DMASHM_TESTER_H */
