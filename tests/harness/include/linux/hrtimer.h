/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_HRTIMER_H
#define HARNESS_HRTIMER_H

#include <linux/errno.h>
#include <linux/ktime.h>

#define HRTIMER_MODE_ABS 0

/* 0 if the time ran out. */
static inline int schedule_hrtimeout(const ktime_t *expires, int mode)
{
	(void)mode;
	return task_sleep(expires ? (u64)*expires : TASK_FOR_EVER) ? -EINTR : 0;
}

#endif /* HARNESS_HRTIMER_H */
