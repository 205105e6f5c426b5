// SPDX-License-Identifier: MIT
#include <string.h>
#include <time.h>

#include <linux/dmashm.h>

#include "grammar.h"
#include "worker.h"

size_t grammar_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

uint64_t grammar_u64(void)
{
	static const uint64_t edges[] = {
		0, 1, 2, 3, 4, 7, 8, 0xfff, 0x1000, 0x1001, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x7ffffffffffff000, 0x7fffffffffffffff, 0x8000000000000000,
		0xfffffffffffff000, 0xfffffffffffff001, 0xffffffffffffffff,
	};
	uint64_t value = edges[below(sizeof(edges) / sizeof(edges[0]))];

	switch (below(4)) {
	case 0:
		return below(100);
	case 1:
		return random_next(&me.random);
	case 2:
		return value + below(3) - 1;
	default:
		return value;
	}
}

uint32_t grammar_u32(void)
{
	uint64_t value = grammar_u64();

	return percent(50) ? (uint32_t)value : (uint32_t)(value >> 32);
}

/* Few pages mostly: what is made of them is the same, and there can be more. */
uint64_t grammar_size(void)
{
	unsigned int way = below(100);

	if (way < 60)
		return (below(16) + 1) * grammar_page();
	if (way < 75)
		return below(16 * grammar_page()) + 1;
	if (way < 82)
		return below(5 << 20) + 1;
	if (way < 90)
		return (uint64_t)1 << below(24);
	return grammar_u64();
}

uint64_t grammar_position(void)
{
	unsigned int way = below(100);

	if (way < 30)
		return below(grammar_page());
	if (way < 45)
		return below(16 * grammar_page());
	if (way < 55)
		return below(16) * grammar_page();
	if (way < 80)
		return 0;
	if (way < 90)
		return below(5 << 20);
	return grammar_u64();
}

uint64_t grammar_deadline(void)
{
	unsigned int way = below(100);

	if (way < 60)
		return clock_ns() + below(3000000);
	if (way < 75)
		return clock_ns() - below(3000000);
	if (way < 85)
		return DMASHM_NEVER;
	if (way < 90)
		return 0;
	return grammar_u64();
}

uint32_t grammar_flags(uint32_t known)
{
	unsigned int way = below(100);

	if (way < 92)
		return (uint32_t)random_next(&me.random) & known;
	if (way < 96)
		return known + 1;
	return grammar_u32();
}

/* What means something, in its neighbourhood, or anywhere. */
uint32_t grammar_offset(void)
{
	uint32_t slot = DMASHM_OFF_SLOT(below(percent(70) ? 6 : DMASHM_CAPACITY));

	switch (below(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		return DMASHM_OFF_BARRIER;
	case 4:
		return DMASHM_OFF_READERS + 4 * below(2);
	case 5:
	case 6:
		return slot;
	case 7:
		return slot + DMASHM_SLOT_WRITES;
	case 8:
		return DMASHM_OFF_LIBRARY + 4 * below(96);
	case 9:
	case 10:
	case 11:
	case 12:
		return DMASHM_OFF_EVENT(below(4));
	case 13:
		return 4 * below(DMASHM_WORDS_SIZE / 4);
	case 14:
		return percent(50) ? below(DMASHM_WORDS_SIZE + 64) :
				     DMASHM_WORDS_SIZE + 4 * below(16);
	default:
		return percent(30) ? grammar_u32() : DMASHM_OFF_EVENT(below(4));
	}
}

static uint32_t grammar_id(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return DMASHM_ID_MAX - below(2);
	case 2:
		return below(DMASHM_ID_MAX + 1);
	default:
		return below(64);
	}
}

uint32_t grammar_word(void)
{
	uint32_t marks = below(4) ? below(8) << 2 : 0;

	switch (below(10)) {
	case 0:
	case 1:
		return 0;
	case 2:
	case 3:
		return marks;
	case 4:
	case 5:
		return DMASHM_HELD(grammar_id()) | marks;
	case 6:
		return DMASHM_KIND_KERNEL | marks |
		       (percent(20) ? grammar_id() << DMASHM_ID_SHIFT : 0);
	case 7:
		return DMASHM_KIND_MASK | marks | grammar_id() << DMASHM_ID_SHIFT;
	case 8:
		return grammar_id() << DMASHM_ID_SHIFT | below(256);
	default:
		return grammar_u32();
	}
}

uint32_t grammar_slot_word(void)
{
	uint32_t drain = percent(30) ? DMASHM_SLOT_DRAIN : 0;

	switch (below(6)) {
	case 0:
	case 1:
		return drain;
	case 2:
		return drain | (below(3) + 1);
	case 3:
		return drain | (DMASHM_SHARED_MAX + below(3) - 1);
	case 4:
		return drain | (DMASHM_SLOT_COUNT - below(2));
	default:
		return grammar_u32();
	}
}

void grammar_name(char *name, size_t size)
{
	size_t length = percent(90) ? below(size) : size, i;

	memset(name, 0, size);
	for (i = 0; i < length; i++)
		name[i] = (char)(percent(90) ? 'a' + below(26) : below(256));
}
