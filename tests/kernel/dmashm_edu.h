/* SPDX-License-Identifier: MIT */
/* What the driver of QEMU's "edu" device and the test programs share. */
#ifndef DMASHM_EDU_H
#define DMASHM_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define EDU_DEVICE "/dev/dmashm_edu"

/*
 * The device has a DMA engine and 4 KiB of memory of its own. Each open of its file
 * can be attached to one dma-buf, and map it once at a time; all of them share
 * the engine, which moves for one after the other. Closing gives all back.
 *
 * pread and pwrite on the file are the device's: pread gives what the device
 * reads from the mapped buffer at that offset, and pwrite has the device write
 * there. The data goes through the engine twice, as the bytes must get into the
 * device's memory, or out of it, first; QEMU's engine takes 100 ms each
 * time, for 2 KiB at the most. With EDU_MAP_BY_CPU the CPU does it, at the
 * addresses that the device was given: the same bytes at once.
 *
 * Errors of pread and pwrite: -EBADFD nothing is mapped; -EINVAL not all of it
 * lies in the buffer; -EACCES the mapping is not for that direction; -ETIMEDOUT
 * the engine did not end in ten seconds; -EIO from then on, for it may still
 * run; -EFAULT.
 *
 * ATTACH takes a dma-buf's fd (-EBUSY attached already; those of attaching);
 * DETACH unmaps too. MAP, UNMAP: -EBADFD not attached; MAP: -EBUSY mapped
 * already, -EINVAL, and those of mapping; UNMAP: -EINVAL not mapped.
 */
#define EDU_IOC_ATTACH	_IOW(0xD8, 0x00, __s32)
#define EDU_IOC_DETACH	_IO(0xD8, 0x01)
#define EDU_IOC_MAP	_IOWR(0xD8, 0x02, struct edu_map)
#define EDU_IOC_UNMAP	_IO(0xD8, 0x03)

/**
 * struct edu_map - map what is attached for the device
 * @direction:   in: EDU_BIDIRECTIONAL, EDU_TO_DEVICE or EDU_FROM_DEVICE
 * @flags:       in: any of EDU_MAP_*
 * @max_segment: in: the longest segment that the device takes; 0: it says nothing
 * @segments:    out: how many there are
 * @longest:     out: bytes of the longest
 * @bounced:     out: how many of them have an address that is not the memory's
 */
struct edu_map {
	__u32 direction;
	__u32 flags;
	__u32 max_segment;
	__u32 segments;
	__u32 longest;
	__u32 bounced;
};

#define EDU_BIDIRECTIONAL	0
#define EDU_TO_DEVICE		1
#define EDU_FROM_DEVICE		2

#define EDU_MAP_BY_CPU		0x1u
/*
 * Take the first page off the table, in place, until it is unmapped: as the core
 * of RDMA does where a region does not begin with the buffer.
 */
#define EDU_MAP_TRIM		0x2u

#endif /* DMASHM_EDU_H */
