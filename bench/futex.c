// SPDX-License-Identifier: MIT
/*
 * Knows no owner: it survives nobody's death and takes any unlock for right.
 * That makes it the floor for a lock that does more.
 */
#include "futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FREE	0u
#define TAKEN	1u
#define WANTED	2u

#define SLOW_PATH	__attribute__((noinline, cold))

static SLOW_PATH void lock_slowly(uint32_t *word)
{
	while (__atomic_exchange_n(word, WANTED, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, word, FUTEX_WAIT, WANTED, NULL, NULL, 0);
}

static SLOW_PATH void wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void futex_lock(uint32_t *word)
{
	uint32_t old = FREE;

	if (!__atomic_compare_exchange_n(word, &old, TAKEN, 0, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		lock_slowly(word);
}

void futex_unlock(uint32_t *word)
{
	if (__atomic_exchange_n(word, FREE, __ATOMIC_RELEASE) == WANTED)
		wake(word);
}
