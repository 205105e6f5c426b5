/* SPDX-License-Identifier: MIT */
/*
 * Read before each of the library's sources: a step before every atomic
 * operation. ThreadSanitizer keeps an order for each address, so that a look at
 * two words at once has to be told to it as two; and it knows no fences.
 */
#ifndef HARNESS_BETWEEN_H
#define HARNESS_BETWEEN_H

#include "fence.h"
#include "step.h"

#define __atomic_load_n(p, order)					\
	__extension__({							\
		__typeof__(*(p) + 0) between_value;			\
									\
		step();							\
		between_value = __atomic_load_n(p, order);		\
		if (sizeof(*(p)) == 8)					\
			fence_acquire((char *)(uintptr_t)(p) + 4);	\
		between_value;						\
	})
#define __atomic_store_n(...) (step(), __atomic_store_n(__VA_ARGS__))
#define __atomic_exchange_n(...) (step(), __atomic_exchange_n(__VA_ARGS__))
#define __atomic_fetch_add(...) (step(), __atomic_fetch_add(__VA_ARGS__))
#define __atomic_fetch_or(...) (step(), __atomic_fetch_or(__VA_ARGS__))
#define __atomic_compare_exchange_n(...) \
	(step(), __atomic_compare_exchange_n(__VA_ARGS__))
#define __atomic_thread_fence(order) ((void)(order), fence_after())

#endif /* HARNESS_BETWEEN_H */
