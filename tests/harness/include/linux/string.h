/* SPDX-License-Identifier: MIT */
/* What is wiped are words that others look at: each is stored as one. */
#ifndef HARNESS_STRING_H
#define HARNESS_STRING_H

#include <linux/atomic.h>

static inline void harness_wipe(u32 *words, size_t size)
{
	for (; size; size -= sizeof(*words))
		WRITE_ONCE(*words++, 0);
}

#define memset(words, zero, size) harness_wipe(words, (size) + (zero))

#endif /* HARNESS_STRING_H */
