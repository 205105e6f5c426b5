// SPDX-License-Identifier: MIT
/* How many faults it takes to touch what is mapped. */
#include "memory.h"

#define SIZE (64 * MIB)

static int create_small(size_t size)
{
	int fd;

	set_parameter("max_order", "0");
	fd = create(size);
	set_parameter("max_order", "9");
	return fd;
}

TEST(aligned_64_mib_take_at_most_40)
{
	int fd = create(SIZE);

	ASSERT(faults_of_writing(map_skewed(fd, SIZE, 0), SIZE) <= 40);
	ASSERT(faults_of_reading(map_skewed(fd, SIZE, 0), SIZE) <= 40);
}

/* Folios come with what was written into them, by kernels that look at it. */
TEST(whose_pages_they_were_makes_no_difference)
{
	size_t most = 384 * MIB;
	void *area = reserve(most, 0);
	int fd;

	ASSERT(mmap(area, most, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area);
	ASSERT_EQ(madvise(area, most, MADV_HUGEPAGE), 0);
	ASSERT_EQ(madvise(area, most, MADV_POPULATE_WRITE), 0);
	munmap(area, most);
	fd = create(SIZE);
	ASSERT(faults_of_writing(map_skewed(fd, SIZE, 0), SIZE) <= 40);
}

TEST(skewed_addresses_take_one_of_32_pages_at_most)
{
	static const size_t skews[] = { 1, 2, 63, 64, 255, 511 };
	int fd = create(SIZE);
	size_t i;

	for (i = 0; i < sizeof(skews) / sizeof(skews[0]); i++) {
		uint8_t *data = map_skewed(fd, SIZE, skews[i] * page_size());
		long n = i % 2 ? faults_of_reading(data, SIZE) :
				 faults_of_writing(data, SIZE);

		ASSERT(n <= (long)(SIZE / page_size() / 32));
		munmap(data, SIZE);
	}
}

TEST(small_folios_take_one_of_32_pages_at_most)
{
	int fd = create_small(SIZE);

	ASSERT(faults_of_writing(map_skewed(fd, SIZE, 0), SIZE) <=
	       (long)(SIZE / page_size() / 32));
}

/* The offset is part of the skew: 2 MiB into the buffer, or a page. */
TEST(offsets_count_too)
{
	size_t page = page_size(), part = 32 * MIB;
	uint8_t *base = reserve(part + HUGE, 0);
	int fd = create(SIZE), prot = PROT_READ | PROT_WRITE;

	map_at(base, fd, part, 6 * MIB, prot, 0);
	ASSERT(faults_of_writing(base, part) <= 20);
	map_at(base, fd, part, page, prot, 0);
	ASSERT(faults_of_writing(base, part) <= (long)(part / page / 32));
	map_at(base + page, fd, part, page, prot, 0);
	ASSERT(faults_of_writing(base + page, part) <= 20 + 512);
}

/* Without a whole 2 MiB in it, by batches; so are a few with much beside. */
TEST(parts_take_the_cheaper_way)
{
	size_t page = page_size();
	int fd = create(SIZE), prot = PROT_READ | PROT_WRITE;
	uint8_t *base = reserve(SIZE, 0);

	map_at(base, fd, 511 * page, 0, prot, 0);
	ASSERT_EQ(faults_of_writing(base, 511 * page), 8);
	map_at(base, fd, 3 * MIB, 0, prot, 0);
	ASSERT_EQ(faults_of_writing(base, 3 * MIB), 12);
	map_at(base, fd, 2 * MIB + page, 0, prot, 0);
	ASSERT_EQ(faults_of_writing(base, 2 * MIB + page), 2);
}

TEST(small_mappings_take_none)
{
	static const size_t pages[] = { 1, 3, 16, 63, 64 };
	size_t i, skew;

	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		size_t size = pages[i] * page_size();
		int fd = create(size);

		for (skew = 0; skew < 600; skew += 37) {
			uint8_t *data = map_skewed(fd, size, skew * page_size());

			ASSERT_EQ(faults_of_writing(data, size), 0);
			munmap(data - skew * page_size(), HUGE);
		}
		ASSERT_EQ(faults_of_reading(mmap(NULL, size, PROT_READ, MAP_SHARED,
						 fd, 0), size), 0);
		close(fd);
	}
}

/* What nobody may access is not filled; it is when it is touched. */
TEST(inaccessible_mappings_are_left_alone)
{
	int fd = create(page_size());
	uint8_t *data = map_at(reserve(page_size(), 0), fd, page_size(), 0,
			       PROT_NONE, 0);
	long before = mapped_kib();

	ASSERT_EQ(mprotect(data, page_size(), PROT_READ | PROT_WRITE), 0);
	ASSERT_EQ(faults_of_writing(data, page_size()), 1);
	ASSERT(mapped_kib() >= before);
}

static void check_populated(int fd, size_t skew, int flags)
{
	uint8_t *data = map_at(reserve(SIZE, skew), fd, SIZE, 0,
			       PROT_READ | PROT_WRITE, flags);

	ASSERT_EQ(faults_of_writing(data, SIZE), 0);
	munmap(data, SIZE);
}

TEST(populated_mappings_take_none)
{
	int fd = create(SIZE);

	check_populated(fd, 0, MAP_POPULATE);
	check_populated(fd, page_size(), MAP_POPULATE);
	check_populated(fd, 0, MAP_LOCKED);
	check_populated(fd, page_size(), MAP_LOCKED);
	check_populated(create_small(SIZE), 0, MAP_POPULATE);
}

/* A process that asks for no large entries gets batches, not single pages. */
TEST(without_large_entries_batches_are_left)
{
	int fd = create(SIZE);

	ASSERT_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	ASSERT(faults_of_writing(map_skewed(fd, SIZE, 0), SIZE) <=
	       (long)(SIZE / page_size() / 32));
}

/* Page tables of batches are copied; those of whole entries fault anew. */
TEST(children_take_no_more_than_their_parents)
{
	int fd = create(SIZE);
	uint8_t *whole = map_skewed(fd, SIZE, 0);
	uint8_t *batched = map_skewed(fd, SIZE, page_size());
	pid_t pid;

	faults_of_writing(whole, SIZE);
	faults_of_writing(batched, SIZE);
	pid = start_child();
	if (!pid) {
		ASSERT(faults_of_writing(whole, SIZE) <= 40);
		ASSERT_EQ(faults_of_writing(batched, SIZE), 0);
		_exit(0);
	}
	wait_child(pid);
}
