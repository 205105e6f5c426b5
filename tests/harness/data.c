// SPDX-License-Identifier: MIT
/* See data.h. */
#include "data.h"

#include "step.h"

#define CELLS	24
#define WRITER	0x10000u

static uint64_t cells[CELLS];
static uint32_t inside;

uint64_t data_writes(void)
{
	return cells[0];
}

bool data_write(void)
{
	uint64_t old = cells[0];
	unsigned int n;

	for (n = 0; n < CELLS; n++) {
		if (cells[n] != old)
			return false;
		cells[n] = old + 1;
		if (n % 8 == 7)
			step();
	}
	return true;
}

bool data_read(void)
{
	uint64_t first = cells[0];
	unsigned int n;

	for (n = 0; n < CELLS; n++) {
		if (cells[n] != first)
			return false;
		if (n % 8 == 7)
			step();
	}
	return true;
}

static uint64_t look(unsigned int n)
{
	return __atomic_load_n(&cells[n], __ATOMIC_RELAXED);
}

bool data_write_watched(void)
{
	uint64_t old = look(0);
	unsigned int n;

	for (n = 0; n < CELLS; n++) {
		if (look(n) != old)
			return false;
		__atomic_store_n(&cells[n], old + 1, __ATOMIC_RELAXED);
		if (n % 8 == 7)
			step();
	}
	return true;
}

/* From the last to the first, which is written first. */
static bool watch(void (*between)(void))
{
	uint64_t last = look(CELLS - 1);
	unsigned int n = CELLS;

	while (n--) {
		if (look(n) != last)
			return false;
		if (n % 8 == 0)
			between();
	}
	return true;
}

bool data_watch(void)
{
	return watch(step);
}

bool data_watch_in_kernel(void)
{
	return watch(step_pause);
}

void data_repair(void)
{
	unsigned int n;

	for (n = 1; n < CELLS; n++) {
		cells[n] = cells[0];
		if (n % 8 == 7)
			step();
	}
}

bool data_enter(bool shared)
{
	if (shared)
		return __atomic_fetch_add(&inside, 1, __ATOMIC_RELAXED) < WRITER;
	return !__atomic_fetch_add(&inside, WRITER, __ATOMIC_RELAXED);
}

bool data_leave(bool shared)
{
	if (shared)
		return __atomic_fetch_sub(&inside, 1, __ATOMIC_RELAXED) < WRITER;
	return __atomic_fetch_sub(&inside, WRITER, __ATOMIC_RELAXED) == WRITER;
}
