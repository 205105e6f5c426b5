/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_SIGNAL_H
#define HARNESS_SIGNAL_H

#include <linux/sched.h>

#define signal_pending_state(state, task) task_signalled(state, task)

#endif /* HARNESS_SIGNAL_H */
