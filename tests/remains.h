/* SPDX-License-Identifier: MIT */
/* What tests leave behind: how many buffers there are, by what everybody can read. */
#ifndef TESTS_REMAINS_H
#define TESTS_REMAINS_H

#include "uapi.h"

static inline unsigned int buffers_in_use(void)
{
	FILE *file = fopen("/sys/class/misc/dmashm/buffers", "re");
	unsigned int count;

	ASSERT(file);
	ASSERT_EQ(fscanf(file, "%u", &count), 1);
	fclose(file);
	return count;
}

static unsigned int buffers_before;

#define SETTLED_MS	100

/*
 * Before the first test: what one of them leaves is the next one's fault, too. What
 * the program before this one left is nobody's here, and the kernel closes some
 * files late: so once the count has stood still for a while.
 */
__attribute__((constructor)) static void count_buffers(void)
{
	uint64_t late = in_ms(10000), settled = in_ms(SETTLED_MS);
	unsigned int count;

	buffers_before = buffers_in_use();
	while (now_ns() < settled && now_ns() < late) {
		sleep_ms(1);
		count = buffers_in_use();
		if (count != buffers_before)
			settled = in_ms(SETTLED_MS);
		buffers_before = count;
	}
}

/* So many more than there were; soon, for the same reason. */
static inline void buffers_are(unsigned int more)
{
	uint64_t late = in_ms(10000);

	while (buffers_in_use() != buffers_before + more) {
		if (now_ns() > late)
			FAIL("%u buffers and not %u are left", buffers_in_use(),
			     buffers_before + more);
		sleep_ms(1);
	}
}

#endif /* TESTS_REMAINS_H */
