/* SPDX-License-Identifier: MIT */
/* The fuzzer's bytes, taken one after the other; zeros once they have run out. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct input {
	const uint8_t *bytes;
	size_t left;
};

static inline uint8_t take_byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->bytes++;
}

static inline uint32_t take_word(struct input *in)
{
	uint32_t value = take_byte(in);

	value |= (uint32_t)take_byte(in) << 8;
	value |= (uint32_t)take_byte(in) << 16;
	return value | (uint32_t)take_byte(in) << 24;
}

/* What must hold whatever the bytes are; the fuzzer keeps those that break it. */
#define MUST(condition)							\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: not true: %s\n",	\
				__FILE__, __LINE__, #condition);	\
			abort();					\
		}							\
	} while (0)

/* Is a result one of those that the header lists? */
#define MUST_BE_ONE_OF(result, ...)					\
	do {								\
		const int must_list[] = { __VA_ARGS__ };		\
		size_t must_n = 0;					\
									\
		while (must_n < sizeof(must_list) / sizeof(must_list[0]) && \
		       must_list[must_n] != (result))			\
			must_n++;					\
		if (must_n == sizeof(must_list) / sizeof(must_list[0])) { \
			fprintf(stderr, "%s:%d: %s is %d\n", __FILE__,	\
				__LINE__, #result, (int)(result));	\
			abort();					\
		}							\
	} while (0)

#endif /* FUZZ_INPUT_H */
