// SPDX-License-Identifier: MIT
/*
 * A mutex between the threads of one process. Not pthread's, because it has to
 * be unlocked when it reads zero: a child of fork() finds it wiped, and no
 * standard promises that a pthread_mutex_t of zeroes is a valid one.
 */
#include "private.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_futex	/* 32-bit machines that never had a 32-bit time_t */
#define SYS_futex SYS_futex_time64
#endif

#define FREE	0u
#define TAKEN	1u
#define WANTED	2u

static void futex(uint32_t *word, int operation, uint32_t value)
{
	/* Failing means to look again, or that there was nobody to wake. */
	(void)syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

void dmashm_mutex_lock(struct dmashm_mutex *mutex)
{
	uint32_t expected = FREE;

	/* Both acquires pair with the release in dmashm_mutex_unlock(). */
	if (__atomic_compare_exchange_n(&mutex->state, &expected, TAKEN, false,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&mutex->state, WANTED, __ATOMIC_ACQUIRE))
		futex(&mutex->state, FUTEX_WAIT_PRIVATE, WANTED);
}

void dmashm_mutex_unlock(struct dmashm_mutex *mutex)
{
	/* Pairs with the acquires in dmashm_mutex_lock(). */
	if (__atomic_exchange_n(&mutex->state, FREE, __ATOMIC_RELEASE) == WANTED)
		futex(&mutex->state, FUTEX_WAKE_PRIVATE, 1);
}
