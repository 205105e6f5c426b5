// SPDX-License-Identifier: MIT
/* See task.h. Deadlines are times of CLOCK_MONOTONIC in nanoseconds. */
#include "task.h"

#include <pthread.h>
#include <time.h>

#define SECOND 1000000000u

struct task_struct {
	pthread_mutex_t lock;
	pthread_cond_t woken;
	bool ready;
	enum task_state state;		/* lock */
	enum task_signal signal;	/* lock */
};

static __thread struct task_struct self;

struct task_struct *task_current(void)
{
	pthread_condattr_t clock;

	if (!self.ready) {
		pthread_mutex_init(&self.lock, NULL);
		pthread_condattr_init(&clock);
		pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
		pthread_cond_init(&self.woken, &clock);
		self.ready = true;
	}
	return &self;
}

uint64_t task_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void task_set_state(enum task_state state)
{
	struct task_struct *task = task_current();

	pthread_mutex_lock(&task->lock);
	task->state = state;
	pthread_mutex_unlock(&task->lock);
}

static bool must_run(const struct task_struct *task, enum task_state state)
{
	return state == TASK_RUNS || task->signal == TASK_KILLED ||
	       (task->signal == TASK_SIGNALLED && state == TASK_MAY_BE_SIGNALLED);
}

/* Until woken, signalled or late, which is false. */
bool task_sleep(uint64_t deadline)
{
	const struct timespec late = {
		.tv_sec = (time_t)(deadline / SECOND),
		.tv_nsec = (long)(deadline % SECOND),
	};
	struct task_struct *task = task_current();
	bool in_time = true;

	pthread_mutex_lock(&task->lock);
	while (!must_run(task, task->state) && in_time) {
		if (deadline == TASK_FOR_EVER)
			pthread_cond_wait(&task->woken, &task->lock);
		else
			in_time = !pthread_cond_timedwait(&task->woken,
							  &task->lock, &late);
	}
	task->state = TASK_RUNS;
	pthread_mutex_unlock(&task->lock);
	return in_time;
}

void task_wake(struct task_struct *task)
{
	pthread_mutex_lock(&task->lock);
	task->state = TASK_RUNS;
	pthread_cond_signal(&task->woken);
	pthread_mutex_unlock(&task->lock);
}

bool task_signalled(enum task_state state, struct task_struct *task)
{
	bool result;

	pthread_mutex_lock(&task->lock);
	result = state != TASK_RUNS && must_run(task, state);
	pthread_mutex_unlock(&task->lock);
	return result;
}

void task_signal(struct task_struct *task, enum task_signal signal)
{
	pthread_mutex_lock(&task->lock);
	task->signal = signal;
	pthread_cond_signal(&task->woken);
	pthread_mutex_unlock(&task->lock);
}
