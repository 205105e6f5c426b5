/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page of words, through the kernel's own mapping. User space may write
 * anything into it at any time: read a word once, and trust nothing in it.
 */
#ifndef DMASHM_WORDS_H
#define DMASHM_WORDS_H

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/types.h>
#include <uapi/linux/dmashm.h>

static inline u32 *dmashm_word(u32 *words, u32 offset)
{
	return words + offset / sizeof(u32);
}

/* For read-modify-write operations that cannot fail. */
static inline atomic_t *dmashm_word_atomic(u32 *words, u32 offset)
{
	BUILD_BUG_ON(sizeof(atomic_t) != sizeof(u32));
	return (atomic_t *)dmashm_word(words, offset);
}

static inline u32 dmashm_word_kind(u32 word)
{
	return word & DMASHM_KIND_MASK;
}

static inline u32 dmashm_word_id(u32 word)
{
	return word >> DMASHM_ID_SHIFT;
}

#endif /* DMASHM_WORDS_H */
