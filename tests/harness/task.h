/* SPDX-License-Identifier: MIT */
/* A task: a thread as the kernel's scheduler sees it. */
#ifndef HARNESS_TASK_H
#define HARNESS_TASK_H

#include <stdbool.h>
#include <stdint.h>

#define TASK_FOR_EVER UINT64_MAX

enum task_state { TASK_RUNS, TASK_MAY_BE_SIGNALLED, TASK_MAY_BE_KILLED };
enum task_signal { TASK_CALM, TASK_SIGNALLED, TASK_KILLED };

struct task_struct;

struct task_struct *task_current(void);
uint64_t task_now(void);

void task_set_state(enum task_state state);
bool task_sleep(uint64_t deadline);
void task_wake(struct task_struct *task);

bool task_signalled(enum task_state state, struct task_struct *task);
void task_signal(struct task_struct *task, enum task_signal signal);

#endif /* HARNESS_TASK_H */
