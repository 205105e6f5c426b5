/* SPDX-License-Identifier: MIT */
/* What lies behind a mapping, what a process has of it, what the machine has. */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include <inttypes.h>
#include <linux/kernel-page-flags.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "kernel/dmashm_fragmenter.h"
#include "uapi.h"

#ifndef MADV_POPULATE_READ	/* glibc before 2.35 */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define HUGE (2 * MIB)		/* what one entry of a page table can map */

/* Faults that this process has taken. */
static inline long faults(void)
{
	struct rusage usage;

#ifdef __SANITIZE_ADDRESS__
	SKIP("a sanitizer's own memory has faults too");
#endif
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* How many faults writing, or reading, every page of an area takes. */
static inline long faults_of_writing(volatile uint8_t *data, size_t size)
{
	size_t page = page_size(), i;	/* a child may not have libc's page yet */
	long before = faults();

	for (i = 0; i < size; i += page)
		data[i] = 1;
	return faults() - before;
}

static inline long faults_of_reading(volatile const uint8_t *data, size_t size)
{
	size_t page = page_size(), i;	/* a child may not have libc's page yet */
	long before = faults();

	for (i = 0; i < size; i += page)
		(void)data[i];
	return faults() - before;
}

/* Every page of it says which it is. */
static inline void fill_pages(uint8_t *data, size_t size, uint32_t seed)
{
	size_t i;

	for (i = 0; i < size; i += page_size()) {
		*(uint32_t *)(data + i) = seed + (uint32_t)(i / page_size());
		*(uint32_t *)(data + i + page_size() - 4) = seed;
	}
}

static inline void check_pages(const uint8_t *data, size_t size, uint32_t seed)
{
	size_t i;

	for (i = 0; i < size; i += page_size()) {
		ASSERT_EQ(*(const uint32_t *)(data + i),
			  (uint32_t)(seed + i / page_size()));
		ASSERT_EQ(*(const uint32_t *)(data + i + page_size() - 4), seed);
	}
}

/*
 * Addresses that nobody else has: the first one a multiple of 2 MiB plus skew.
 * The area behind it is reserved, so that mappings go there by MAP_FIXED.
 */
static inline uint8_t *reserve(size_t size, size_t skew)
{
	uintptr_t area = (uintptr_t)mmap(NULL, size + 2 * HUGE, PROT_NONE,
					 MAP_PRIVATE | MAP_ANONYMOUS |
					 MAP_NORESERVE, -1, 0);

	ASSERT((void *)area != MAP_FAILED);
	return (uint8_t *)((area + HUGE - 1) & ~(HUGE - 1)) + skew;
}

static inline uint8_t *map_at(void *at, int fd, size_t size, size_t offset,
			      int prot, int flags)
{
	uint8_t *data = mmap(at, size, prot, MAP_SHARED | MAP_FIXED | flags, fd,
			     (off_t)offset);

	ASSERT(data == at);
	return data;
}

/* The whole of a buffer, skewed or not. */
static inline uint8_t *map_skewed(int fd, size_t size, size_t skew)
{
	return map_at(reserve(size, skew), fd, size, 0, PROT_READ | PROT_WRITE, 0);
}

/* A 64-bit entry of a file in /proc; these are indexed by page. */
static inline uint64_t page_entry(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	ASSERT(fd >= 0);
	ASSERT_EQ(pread(fd, &entry, 8, (off_t)(index * 8)), 8);
	close(fd);
	return entry;
}

/*
 * The number of the page that is mapped there. One that the kernel is moving just
 * now is nowhere: who touches it waits for it.
 */
static inline uint64_t frame_of(const void *addr)
{
	uint64_t entry;

	do {
		(void)*(const volatile char *)addr;
		entry = page_entry("/proc/self/pagemap",
				   (uintptr_t)addr / page_size());
	} while (!(entry >> 63));
	return entry & ((1ull << 55) - 1);
}

/* Pages of folios of order 0 behind a mapping; all of it must be mapped. */
static inline size_t single_pages(const uint8_t *data, size_t size)
{
	const uint64_t compound = 1ull << KPF_COMPOUND_HEAD |
				  1ull << KPF_COMPOUND_TAIL;
	size_t i, n = 0;

	for (i = 0; i < size; i += page_size())
		n += !(page_entry("/proc/kpageflags", frame_of(data + i)) &
		       compound);
	return n;
}

/* A line of /proc, "name   123 kB" or "name 123". */
static inline long proc_value(const char *path, const char *name)
{
	size_t length = strlen(name);
	FILE *file = fopen(path, "re");
	char line[256];

	ASSERT(file);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, length)) {
			long value = strtol(line + length, NULL, 10);

			fclose(file);
			return value;
		}
	}
	FAIL("no %s in %s", name, path);
}

static inline void set_value(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, value, strlen(value)), (ssize_t)strlen(value));
	close(fd);
}

/* Free pages that each CPU keeps in lists of its own: not in MemFree. */
static inline long free_in_lists(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	long pages = 0, count;
	char line[256];

	ASSERT(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &count) == 1)
			pages += count;
	fclose(file);
	return pages;
}

/* Free memory in KiB, when what is freed late has been. */
static inline long free_kib(void)
{
	sleep_ms(100);
	set_value("/proc/sys/vm/drop_caches", "3");
	sleep_ms(100);
	return proc_value("/proc/meminfo", "MemFree:") +
	       (long)page_size() / 1024 * free_in_lists();
}

/*
 * What this process has mapped of files, in KiB; on a machine whose root is no
 * tmpfs that is programs and libraries too.
 */
static inline long mapped_kib(void)
{
	uint8_t *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Linux 6.1 counts for each thread, and adds up when it unmaps. */
	ASSERT(page != MAP_FAILED);
	*(volatile uint8_t *)page = 1;
	munmap(page, page_size());
	return proc_value("/proc/self/status", "RssFile:");
}

/*
 * Takes what is free beyond that away in large pieces, until the process ends: what
 * goes through all memory page by page then takes as long on every machine.
 */
static inline void leave_free(size_t most)
{
	size_t left = (size_t)free_kib() * 1024, size;
	void *area;

	if (left < most + HUGE)
		return;
	size = (left - most) & ~(HUGE - 1);
	area = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(area != MAP_FAILED);
	ASSERT_EQ(madvise(area, size, MADV_HUGEPAGE), 0);
	ASSERT_EQ(madvise(area, size, MADV_POPULATE_WRITE), 0);
}

/* Half of it is free then. With less, the kernel seeks long for what it keeps itself. */
#define FRAGMENTED	(850 * MIB)

/*
 * All memory in single pages, FRAGMENTED or what there is, until the fd is closed.
 * What the kernel keeps for hard times would still be in one piece, so it keeps
 * little meanwhile.
 */
static inline int fragment_memory(void)
{
	const char *reserve = "/proc/sys/vm/min_free_kbytes";
	char old[32];
	uint64_t kept;
	int fd;

	leave_free(FRAGMENTED);
	snprintf(old, sizeof(old), "%ld", proc_value(reserve, ""));
	set_value(reserve, "1024");

	if (!load_module("dmashm_fragmenter"))
		FAIL("dmashm_fragmenter.ko does not load");
	fd = open(FRAGMENTER_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT(fd >= 0);
	ASSERT_EQ(ioctl(fd, FRAGMENTER_IOC_TAKE, &kept), 0);
	set_value(reserve, old);
	return fd;
}

#define PARAMETER_PATH	128

static inline const char *parameter_path(char *path, const char *name)
{
	snprintf(path, PARAMETER_PATH, "/sys/module/dmashm/parameters/%s", name);
	return path;
}

static inline long parameter(const char *name)
{
	char path[PARAMETER_PATH];

	return proc_value(parameter_path(path, name), "");
}

static inline void set_parameter(const char *name, const char *value)
{
	char path[PARAMETER_PATH];

	set_value(parameter_path(path, name), value);
}

#endif /* TESTS_MEMORY_H */
