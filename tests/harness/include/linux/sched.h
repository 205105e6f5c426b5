/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_SCHED_H
#define HARNESS_SCHED_H

#include <linux/atomic.h>
#include <linux/errno.h>

#include "task.h"

#define current			task_current()
#define TASK_RUNNING		TASK_RUNS
#define TASK_INTERRUPTIBLE	TASK_MAY_BE_SIGNALLED
#define TASK_KILLABLE		TASK_MAY_BE_KILLED

#define set_current_state(state)	task_set_state(state)
#define __set_current_state(state)	task_set_state(state)
#define wake_up_process(task)		task_wake(task)
#define cond_resched()			step_yield()

#endif /* HARNESS_SCHED_H */
