/* SPDX-License-Identifier: MIT */
/* Where a struct for the kernel lies: in good memory, mostly. */
#ifndef FUZZ_ARGUMENT_H
#define FUZZ_ARGUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARGUMENT_MAX	512

/**
 * struct argument - a struct on its way to the kernel and back
 * @at:       the address that the kernel gets
 * @readable: all of it can be read
 * @writable: and written
 * @size:     bytes that were put there
 * @before:   what was put there
 */
struct argument {
	uint8_t *at;
	bool readable;
	bool writable;
	size_t size;
	uint8_t before[ARGUMENT_MAX];
};

/* Puts @size bytes somewhere. */
void argument_put(struct argument *argument, const void *bytes, size_t size);

/*
 * The kernel may have written @out bytes of it, 0 where it failed: all else must
 * be as it was, before, behind and within.
 */
void argument_check(const struct argument *argument, size_t out);

#endif /* FUZZ_ARGUMENT_H */
