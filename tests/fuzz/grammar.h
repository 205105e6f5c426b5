/* SPDX-License-Identifier: MIT */
/* How values are drawn: mostly such as mean something, and those at the edges. */
#ifndef FUZZ_GRAMMAR_H
#define FUZZ_GRAMMAR_H

#include <stddef.h>
#include <stdint.h>

size_t grammar_page(void);

uint32_t grammar_u32(void);	/* edges, small and random ones */
uint64_t grammar_u64(void);

uint64_t grammar_size(void);	/* of a buffer */
uint64_t grammar_position(void);	/* in a buffer's data */
uint64_t grammar_deadline(void);	/* passed, soon, never and odd ones */
uint32_t grammar_flags(uint32_t known);
uint32_t grammar_offset(void);	/* of a word in the control page */
uint32_t grammar_word(void);	/* of the barrier, or nearly */
uint32_t grammar_slot_word(void);
void grammar_name(char *name, size_t size);

#endif /* FUZZ_GRAMMAR_H */
