// SPDX-License-Identifier: MIT
/*
 * What mapping costs, in ticks of the time stamp counter; in a guest started
 * with --deterministic these are instructions. kernel/dmashm_mmap.c rests on
 * the ratios.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include <linux/dmashm.h>

#define PAGE	4096ul
#define MIB	(1ul << 20)
#define HUGE	(2 * MIB)
#define BATCH	64		/* pages that one fault inserts */

static void *reserve(void)
{
	uintptr_t area = (uintptr_t)mmap(NULL, 256 * MIB, PROT_NONE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return (void *)((area + HUGE - 1) & ~(HUGE - 1));
}

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static int create(size_t size)
{
	struct dmashm_create arg = { .size = size };
	int device = open(DMASHM_DEVICE, O_RDWR);

	must(device >= 0 && !ioctl(device, DMASHM_IOC_CREATE, &arg), "create");
	return arg.fd;
}

static volatile char *map(int fd, void *at, size_t size, size_t offset)
{
	char *data = mmap(at, size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, fd, (off_t)offset);

	must(data == at, "mmap");
	return data;
}

static uint64_t touch(volatile char *byte)
{
	uint64_t before = __rdtsc();

	*byte = 1;
	return __rdtsc() - before;
}

static uint64_t touch_all(volatile char *data, size_t size)
{
	uint64_t before = __rdtsc();
	size_t i;

	for (i = 0; i < size; i += PAGE)
		data[i] = 1;
	return __rdtsc() - before;
}

static uint64_t unmap(volatile char *data, size_t size)
{
	uint64_t before = __rdtsc();

	must(!munmap((void *)data, size), "munmap");
	return __rdtsc() - before;
}

static void say(const char *what, uint64_t ticks)
{
	printf("%-52s %9llu\n", what, (unsigned long long)ticks);
}

/* Whole entries, and single pages behind them. */
static void whole(void)
{
	size_t size = 64 * MIB + 16 * PAGE;
	int fd = create(size);
	volatile char *data = map(fd, reserve(), size, 0);

	touch(data);
	touch(data + 64 * MIB);		/* the page table too */
	say("a fault that maps 2 MiB by one entry", touch(data + HUGE));
	say("a fault that maps one page", touch(data + 64 * MIB + PAGE));
	say("munmap of 64 MiB, whole, touched", touch_all(data, size) * 0 +
	    unmap(data, size));
}

/* Skewed by a page, so that the last window of a page table is one page. */
static void batches(void)
{
	size_t size = 8 * MIB;
	int fd = create(size);
	volatile char *at = (volatile char *)reserve() + PAGE, *data;
	uint64_t first, one, many;

	data = map(fd, (void *)at, size, 0);
	touch(data);
	/* Of two faults in one page table: the window of the mapping's end has
	 * one page, and brings a table; the next but one page, none. */
	first = touch(data + size - PAGE);
	many = touch(data + BATCH * PAGE);
	munmap((void *)data, size);
	data = map(fd, (void *)(at + 62 * PAGE), (2 * BATCH + 1) * PAGE, 0);
	touch(data + BATCH * PAGE);
	one = touch(data);
	(void)first;
	say("a fault that inserts 1 page", one);
	say("a fault that inserts 64 pages", many);
	say("  of that, for each page", (many - one) / (BATCH - 1));
	say("  so a fault costs, in pages inserted",
	    one * (BATCH - 1) / (many - one));
}

/* A mapping of some pages: what is filled at mmap, and what faults. */
static void small(size_t pages)
{
	size_t size = pages * PAGE;
	int fd = create(size), round;
	volatile char *at = (volatile char *)reserve() + PAGE;
	uint64_t mapping = 0, touching = 0, unmapping = 0;
	char text[64];

	for (round = 0; round < 2; round++) {	/* the second counts */
		uint64_t before = __rdtsc();
		volatile char *data = map(fd, (void *)at, size, 0);

		mapping = __rdtsc() - before;
		touching = touch_all(data, size);
		unmapping = unmap(data, size);
	}
	snprintf(text, sizeof(text), "%zu pages: mmap", pages);
	say(text, mapping);
	say("  touch", touching);
	say("  munmap", unmapping);
}

int main(void)
{
	struct sched_param priority = { .sched_priority = 50 };

	/* Nobody else's instructions. */
	must(!sched_setscheduler(0, SCHED_FIFO, &priority), "SCHED_FIFO");
	whole();
	batches();
	small(1);
	small(16);
	small(64);
	small(65);
	small(256);
	small(768);
	return 0;
}
