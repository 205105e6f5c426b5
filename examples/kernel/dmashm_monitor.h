/* SPDX-License-Identifier: MIT */
/* What the monitor example and its users share. */
#ifndef DMASHM_MONITOR_H
#define DMASHM_MONITOR_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MONITOR_DEVICE "/dev/dmashm_monitor"

/*
 * struct monitor_check - wait for a recording of the sampler, and look at it
 * @dmabuf_fd:  in: a dmashm dma-buf, readable and writable
 * @timeout_ms: in: how long to wait, 1 to 60000: for the fence, and then again
 *              for the barrier and for fences that came since. One that comes
 *              in the moment after that is waited for until its driver signals
 *              it, as DMA_BUF_IOCTL_SYNC does: with no limit but that driver's
 * @offset:     in: where the samples are, a multiple of 8
 * @count:      in: how many there can be, 1 to 1024
 * @samples:    out: how many there are, one behind the other, numbered from 1
 * @torn:       out: how many more have a check that is not theirs
 * @pad:        in: 0; out: 0
 * @missed:     out: ticks that went by before the last of @samples
 * @min, @max:  out: of their values; 0 without samples
 *
 * Errors: -ETIMEDOUT the fence or the barrier was not to be had in time; -EINTR
 * a signal; -EINVAL; -EBADF; -ENOMEM; -EACCES the dma-buf is a view, or not open
 * for both; -EPERM the data is sealed.
 */
struct monitor_check {
	__s32 dmabuf_fd;
	__u32 timeout_ms;
	__u64 offset;
	__u32 count;
	__u32 samples;
	__u32 torn;
	__u32 pad;
	__u64 missed;
	__s64 min;
	__s64 max;
};

#define MONITOR_IOC_CHECK _IOWR(0xD9, 0x00, struct monitor_check)

#endif /* DMASHM_MONITOR_H */
