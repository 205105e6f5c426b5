/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_KTIME_H
#define HARNESS_KTIME_H

#include <linux/types.h>

#include "task.h"

typedef s64 ktime_t;

#define KTIME_MAX	((s64)~((u64)1 << 63))
#define NSEC_PER_MSEC	1000000L
#define ktime_get_ns()	task_now()

#endif /* HARNESS_KTIME_H */
