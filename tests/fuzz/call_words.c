// SPDX-License-Identifier: MIT
/*
 * The control pages: written by the protocol, nearly by it, and against it; and
 * what the facts must say all the time.
 */
#include <linux/dmashm.h>

#include "call.h"
#include "grammar.h"
#include "mapping.h"
#include "worker.h"

static volatile uint32_t *word_of(const struct mapping *place, uint32_t offset)
{
	return (volatile uint32_t *)(place->base + place->start + (offset & 0xffc));
}

static uint32_t draw_value(uint32_t offset)
{
	if (percent(10))
		return grammar_u32();
	if (offset < DMASHM_OFF_READERS)
		return grammar_word();
	if (offset < DMASHM_OFF_LIBRARY)
		return percent(50) ? 1u << below(32) : grammar_u32();
	if (offset < DMASHM_OFF_EVENTS)
		return grammar_u32();
	if (offset < DMASHM_OFF_SLOTS)
		return percent(50) ? 0 : below(4);
	return grammar_slot_word();
}

/* A word after another, each of its kind. */
static long run_scribble(const struct call *call)
{
	const struct mapping *place = mapping_of(CONTENT_WORDS);
	unsigned int n = percent(90) ? below(3) + 1 : below(64);

	(void)call;
	if (!place)
		return CALL_NOTHING;
	while (n--) {
		uint32_t offset = grammar_offset(), value = draw_value(offset & 0xffc);

		note(" %x:%x", offset & 0xffc, value);
		if (!touch(word_of(place, offset), &value, true))
			return -EFAULT;
		if (place->readonly)
			fail("a viewer wrote a word");
	}
	return 0;
}

/* One bit of what is there becomes another: nearly right. */
static long run_flip(const struct call *call)
{
	const struct mapping *place = mapping_of(CONTENT_WORDS);
	uint32_t offset = grammar_offset(), value;

	(void)call;
	if (!place)
		return CALL_NOTHING;
	if (!touch(word_of(place, offset), &value, false))
		return -EFAULT;
	value ^= percent(70) ? 1u << below(5) : 1u << below(32);
	note(" %x:%x", offset & 0xffc, value);
	return touch(word_of(place, offset), &value, true) ? 0 : -EFAULT;
}

/* As the library takes and frees it, though by anybody's id and in any order. */
static long run_exchange(const struct call *call)
{
	const struct mapping *place = mapping_of(CONTENT_WORDS);
	uint32_t old, id = below(48) + 1, free;
	volatile uint32_t *word;

	(void)call;
	if (!place || place->readonly)
		return CALL_NOTHING;
	word = word_of(place, DMASHM_OFF_BARRIER);
	/* So that what follows finds it there and writable. */
	if (!touch(word, &old, false) || !touch(word, &old, true))
		return -EFAULT;
	free = old & (DMASHM_WAITERS | DMASHM_DIED);
	if (!(old & DMASHM_KIND_MASK))
		__atomic_compare_exchange_n(word, &old, DMASHM_HELD(id) | free, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	else if (percent(50))
		__atomic_compare_exchange_n(word, &old, old & DMASHM_DIED, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return 0;
}

static long run_zero(const struct call *call)
{
	const struct mapping *place = mapping_of(CONTENT_WORDS);
	uint32_t offset, zero = 0, end = percent(50) ? 4 : DMASHM_WORDS_SIZE;

	(void)call;
	if (!place)
		return CALL_NOTHING;
	for (offset = 0; offset < end; offset += 4)
		if (!touch(word_of(place, offset), &zero, true))
			return -EFAULT;
	return 0;
}

/* Nobody but the kernel writes these, so they are always right. */
static long run_facts(const struct call *call)
{
	const struct mapping *place = mapping_of(CONTENT_FACTS);
	struct dmashm_facts facts;
	uint32_t *copy = (uint32_t *)&facts;
	size_t i;

	(void)call;
	if (!place)
		return CALL_NOTHING;
	for (i = 0; i < sizeof(facts) / 4; i++)
		if (!touch(word_of(place, 4 * i), &copy[i], false))
			return -EFAULT;
	if (facts.magic != DMASHM_MAGIC || facts.abi != DMASHM_ABI || !facts.size ||
	    facts.size % grammar_page() || !facts.buffer_id ||
	    facts.capacity != DMASHM_CAPACITY || facts.attachments > 1000)
		fail("the facts are wrong: magic %x size %llx attachments %u", facts.magic,
		     (unsigned long long)facts.size, facts.attachments);
	for (i = 0; i < sizeof(facts.reserved0) / 4; i++)
		if (facts.reserved0[i])
			fail("a reserved fact is %#x", facts.reserved0[i]);
	for (i = 0; i < sizeof(facts.reserved1) / 4; i++)
		if (facts.reserved1[i])
			fail("a reserved fact is %#x", facts.reserved1[i]);
	for (i = sizeof(facts); i < grammar_page(); i += 4) {
		uint32_t rest;

		if (touch(word_of(place, i), &rest, false) && rest)
			fail("behind the facts, at %zu, is %#x", i, rest);
	}
	return 0;
}

const struct call words_calls[] = {
	{ "scribble", 60, 0, ERRNO_LIST(EFAULT), run_scribble, NULL },
	{ "flip a bit", 30, 0, ERRNO_LIST(EFAULT), run_flip, NULL },
	{ "exchange the word", 40, 0, ERRNO_LIST(EFAULT), run_exchange, NULL },
	{ "zero the words", 15, 0, ERRNO_LIST(EFAULT), run_zero, NULL },
	{ "read the facts", 12, 0, ERRNO_LIST(EFAULT), run_facts, NULL },
	{ 0 },
};
