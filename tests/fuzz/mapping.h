/* SPDX-License-Identifier: MIT */
/*
 * The places where a worker maps what it has. They lie where nobody else maps
 * anything: so whatever is done to a place, it harms no memory of the program's.
 */
#ifndef FUZZ_MAPPING_H
#define FUZZ_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_SIZE	((size_t)8 << 20)

enum content {
	CONTENT_NOTHING,
	CONTENT_DATA,
	CONTENT_WORDS,
	CONTENT_FACTS,
	CONTENT_MIXED,		/* parts of several mappings */
};

/**
 * struct mapping - what is mapped at one place
 * @base:     the place; PLACE_SIZE bytes are ours
 * @start:    where the mapping begins in it
 * @length:   of the mapping, in bytes
 * @content:  of what
 * @readonly: it must never become writable
 */
struct mapping {
	uint8_t *base;
	size_t start;
	size_t length;
	enum content content;
	bool readonly;
};

void mapping_reset(void);
struct mapping *mapping_place(void);	/* any, used or not */
struct mapping *mapping_of(enum content content);	/* NULL: none */

/* One with something in it; any place where there is none. */
struct mapping *mapping_used(void);

/* Some address in it, and a length from there on, within the place. */
uint8_t *mapping_part(const struct mapping *mapping, size_t *length);

void mapping_forget(struct mapping *mapping);

/* A page of what nobody wrote to yet is zero from @start on. */
void mapping_check_zeroed(int fd, uint64_t offset, size_t start);

#endif /* FUZZ_MAPPING_H */
