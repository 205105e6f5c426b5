/* SPDX-License-Identifier: MIT */
/* What the sampler example and its readers share. */
#ifndef DMASHM_SAMPLER_H
#define DMASHM_SAMPLER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SAMPLER_DEVICE "/dev/dmashm_sampler"

/*
 * What the kernel writes into the buffer, always under the barrier. A reader
 * that holds the barrier sees all fields of one sample, so its check agrees.
 */
struct sample {
	__u64 turns;	/* samples written so far */
	__u64 missed;	/* ticks at which somebody else held the barrier */
	__u64 time_ns;	/* CLOCK_MONOTONIC */
	__s64 value;	/* a triangle wave, -1000 to 1000 */
	__u64 check;	/* sample_check() of the fields above */
};

static inline __u64 sample_check(const struct sample *sample)
{
	__u64 check = sample->turns;

	check = check * 0x9e3779b97f4a7c15ull + sample->missed;
	check = check * 0x9e3779b97f4a7c15ull + sample->time_ns;
	return check * 0x9e3779b97f4a7c15ull + (__u64)sample->value;
}

/*
 * struct sampler_start - begin to sample into a buffer
 * @dmabuf_fd: a dmashm dma-buf
 * @period_ms: between samples, 1 to 1000
 * @offset:    where in the buffer, a multiple of 8
 *
 * One buffer for each open of the device; sampling ends with its close.
 * Errors: -EBUSY sampling already; -EINVAL; -EBADF; -ENOMEM.
 */
struct sampler_start {
	__s32 dmabuf_fd;
	__u32 period_ms;
	__u64 offset;
};

#define SAMPLER_IOC_START _IOW(0xD6, 0x00, struct sampler_start)

#endif /* DMASHM_SAMPLER_H */
