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
 * Without end: one place, where each sample replaces the one before. One buffer
 * for each open of the device; sampling ends with its close.
 * Errors: -EBUSY sampling already; -EINVAL; -EBADF; -ENOMEM; -EACCES, -EPERM the
 * buffer may not be written to.
 */
struct sampler_start {
	__s32 dmabuf_fd;
	__u32 period_ms;
	__u64 offset;
};

#define SAMPLER_IOC_START _IOW(0xD6, 0x00, struct sampler_start)

/*
 * struct sampler_record - record some samples, with a fence
 * @dmabuf_fd: a dmashm dma-buf
 * @period_ms: between ticks, 1 to 1000
 * @offset:    where in the buffer, a multiple of 8
 * @ticks:     of the timer, 1 to 1024; all of them within 10 seconds
 * @pad:       0
 *
 * Returns once the buffer has a fence, which says that it is being written to;
 * that is signalled after so many ticks, whatever anybody does meanwhile, or
 * with -ECANCELED when the device is closed. There are then as many samples, one
 * behind the other and numbered from 1, as there were ticks at which the barrier
 * was to be had. First waits for the fences that the buffer has, then for the
 * barrier, up to SAMPLER_PATIENCE_MS, and under it as long for fences that came
 * since: for one that comes in the moment after that, until its driver signals it.
 *
 * So wait for the fence before you take the barrier. Who takes it first, as
 * dmashm_begin() does, waits for the fence with it, and the sampler misses all
 * ticks until then.
 *
 * The device can record again, into any buffer, when it is done.
 * Errors: as struct sampler_start; -ETIMEDOUT the barrier was not to be had in
 * time, or fences that came since were not signalled; -EUSERS too many wait for
 * the barrier; -EINTR a signal.
 */
struct sampler_record {
	__s32 dmabuf_fd;
	__u32 period_ms;
	__u64 offset;
	__u32 ticks;
	__u32 pad;
};

#define SAMPLER_IOC_RECORD _IOW(0xD6, 0x01, struct sampler_record)

#define SAMPLER_TICKS_MAX	1024
#define SAMPLER_RECORD_MS	10000
#define SAMPLER_PATIENCE_MS	1000

#endif /* DMASHM_SAMPLER_H */
