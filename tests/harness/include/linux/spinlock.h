/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_SPINLOCK_H
#define HARNESS_SPINLOCK_H

#include <pthread.h>

#include "step.h"

typedef pthread_mutex_t spinlock_t;

#define spin_lock_init(lock)	pthread_mutex_init(lock, NULL)
#define spin_lock_irq(lock)	(step_pause(), (void)pthread_mutex_lock(lock))
#define spin_unlock_irq(lock)	((void)pthread_mutex_unlock(lock), step_pause())
#define spin_lock_irqsave(lock, flags) \
	((flags) = 0, spin_lock_irq(lock))
#define spin_unlock_irqrestore(lock, flags) \
	((void)(flags), spin_unlock_irq(lock))

#endif /* HARNESS_SPINLOCK_H */
