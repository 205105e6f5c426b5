// SPDX-License-Identifier: MIT
/*
 * SYNC for a part of the data, with a device: all of the range is carried over,
 * and nothing beside it.
 */
#include "edu.h"
#include "library.h"

#define SIZE	(32 << 10)
#define WORDS	(SIZE / 8)
#define LINE	64		/* what may go with the range at either end */

static int sync_range(int member, uint64_t flags, size_t offset, size_t length)
{
	struct dmashm_sync arg = {
		.flags = flags, .offset = offset, .length = length,
	};

	return ioctl(member, DMASHM_IOC_SYNC, &arg);
}

static void start_range(int member, uint64_t access, size_t offset, size_t length)
{
	ASSERT_EQ(sync_range(member, DMA_BUF_SYNC_START | access, offset, length), 0);
}

static void end_range(int member, uint64_t access, size_t offset, size_t length)
{
	ASSERT_EQ(sync_range(member, DMA_BUF_SYNC_END | access, offset, length), 0);
}

static uint64_t words[WORDS];

/* A number for each place and each round. */
static uint64_t number(uint64_t round, size_t i)
{
	return round << 32 | i;
}

static const uint64_t *numbers(uint64_t round)
{
	size_t i;

	for (i = 0; i < WORDS; i++)
		words[i] = number(round, i);
	return words;
}

/* In the range it is of the new round, elsewhere of the old one. */
static void check_numbers(const uint64_t *seen, uint64_t old, uint64_t new,
			  size_t offset, size_t length)
{
	size_t i;

	for (i = 0; i < WORDS; i++) {
		size_t at = i * 8;

		if (at >= offset && at + 8 <= offset + length)
			ASSERT_EQ(seen[i], number(new, i));
		else if (at + LINE < offset || at > offset + length + LINE)
			ASSERT_EQ(seen[i], number(without(old, new), i));
	}
}

/* Round by round: from the device to the CPU, and back. */
static void try_range(int edu, int fd, int member, uint8_t *data, size_t offset,
		      size_t length)
{
	static uint64_t round = 1;

	memcpy(data, numbers(round), SIZE);
	end(fd, DMA_BUF_SYNC_WRITE);

	ASSERT_EQ(pwrite(edu, numbers(round + 1), SIZE, 0), SIZE);
	start_range(member, DMA_BUF_SYNC_READ, offset, length);
	memcpy(words, data, SIZE);
	check_numbers(words, round, round + 1, offset, length);
	end_range(member, DMA_BUF_SYNC_READ, offset, length);

	start(fd, DMA_BUF_SYNC_RW);
	memcpy(data, numbers(round + 2), SIZE);
	end_range(member, DMA_BUF_SYNC_WRITE, offset, length);
	ASSERT_EQ(pread(edu, words, SIZE, 0), SIZE);
	check_numbers(words, round + 1, round + 2, offset, length);
	round += 3;
}

/* All within the data; in some the device has a piece for each page or three. */
static void try_ranges(uint32_t max_segment)
{
	static const struct { size_t offset, length; } ranges[] = {
		{ 0, 8 }, { 0, 4096 }, { 4096, 4096 }, { 4088, 16 }, { 8, SIZE - 16 },
		{ 0, SIZE }, { SIZE - 8, 8 }, { 12 << 10, 12 << 10 },
		{ (12 << 10) - 8, 16 }, { (16 << 10) - 4096, 8192 }, { 9000, 15000 },
		{ SIZE / 2 - 8, SIZE / 2 }, { 8192, 20480 }, { 4100, 3 },
	};
	struct edu_map map = { .flags = EDU_MAP_BY_CPU, .max_segment = max_segment };
	int fd = create(SIZE), member = join(fd), edu = attach_edu(fd);
	uint8_t *data = map_data(fd, SIZE);
	size_t i;

	ASSERT_EQ(ioctl(edu, EDU_IOC_MAP, &map), 0);
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		try_range(edu, fd, member, data, ranges[i].offset, ranges[i].length);
	close(edu);
}

TEST(a_range_is_carried_over_and_nothing_else)
{
	try_ranges(0);
}

TEST(a_range_across_many_segments)
{
	try_ranges(4096);
	try_ranges(12 << 10);
}

TEST(any_range)
{
	struct edu_map map = { .flags = EDU_MAP_BY_CPU, .max_segment = 8192 };
	int fd = create(SIZE), member = join(fd), edu = attach_edu(fd), i;
	uint8_t *data = map_data(fd, SIZE);

	srandom(1);
	ASSERT_EQ(ioctl(edu, EDU_IOC_MAP, &map), 0);
	for (i = 0; i < 12; i++) {
		size_t offset = (size_t)random() % SIZE;

		try_range(edu, fd, member, data, offset, 1 + (size_t)random() % (SIZE - offset));
	}
}

/* Through another dma-buf of the same buffer, with the engine. */
TEST(a_range_serves_the_devices_of_all_dmabufs)
{
	int fd = create(SIZE), member = join(fd);
	int edu = engine(export_dmabuf(fd, O_RDWR), EDU_BIDIRECTIONAL);
	uint8_t *data = map_data(fd, SIZE);

	device_writes(edu, 8192, 1);
	device_writes(edu, 16384, 2);
	start_range(member, DMA_BUF_SYNC_RW, 8192, 4096);
	ASSERT_EQ(cpu_reads(data, 8192), 1);
	ASSERT_EQ(cpu_reads(data, 16384), without(0, 2));
	cpu_writes(data, 8200, 3);
	end_range(member, DMA_BUF_SYNC_RW, 8192, 4096);
	ASSERT_EQ(device_reads(edu, 8200), 3);
	ASSERT_EQ(device_reads(edu, 16384), 2);
}

TEST(a_viewer_reads_a_range)
{
	int fd = create(SIZE), viewer = join(export_view(fd));
	int edu = device(fd, EDU_BIDIRECTIONAL);
	uint8_t *data = map_data(fd, SIZE);

	device_writes(edu, 8192, 1);
	device_writes(edu, 16384, 2);
	start_range(viewer, DMA_BUF_SYNC_READ, 8192, 8);
	ASSERT_EQ(cpu_reads(data, 8192), 1);
	ASSERT_EQ(cpu_reads(data, 16384), without(0, 2));
	end_range(viewer, DMA_BUF_SYNC_READ, 8192, 8);
}

TEST(brackets_of_the_library_around_a_part)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = device(dmashm_fd(buf), EDU_BIDIRECTIONAL);
	uint8_t *data = map_buffer(buf);

	device_writes(edu, 8192, 1);
	device_writes(edu, 16384, 2);
	ASSERT_EQ(dmashm_begin_range(buf, DMASHM_READ, 8192, 64, DMASHM_NEVER), 0);
	ASSERT_EQ(cpu_reads(data, 8192), 1);
	ASSERT_EQ(cpu_reads(data, 16384), without(0, 2));
	ASSERT_EQ(dmashm_end_range(buf, DMASHM_READ, 8192, 64), 0);
	ASSERT_EQ(dmashm_begin_range(buf, DMASHM_WRITE, 8192, 64, DMASHM_NEVER), 0);
	cpu_writes(data, 8192, 3);
	cpu_writes(data, 20480, 4);
	ASSERT_EQ(device_reads(edu, 8192), without(1, 3));
	ASSERT_EQ(dmashm_end_range(buf, DMASHM_WRITE, 8192, 64), 0);
	ASSERT_EQ(device_reads(edu, 8192), 3);
	ASSERT_EQ(device_reads(edu, 16384), 2);
	ASSERT_EQ(device_reads(edu, 20480), without(0, 4));
}

/* What a member moves by read and write is a range too. */
TEST(read_and_write_carry_over_what_they_move)
{
	int fd = create(SIZE), member = join(fd);
	int edu = device(fd, EDU_BIDIRECTIONAL);
	uint8_t *data = map_data(fd, SIZE);
	uint64_t word = 5;

	device_writes(edu, 16384, 2);
	ASSERT_EQ(pread(member, &word, 8, 8192), 8);
	ASSERT_EQ(cpu_reads(data, 16384), without(0, 2));
	word = 5;
	ASSERT_EQ(pwrite(member, &word, 8, 8192), 8);
	ASSERT_EQ(device_reads(edu, 8192), 5);
	ASSERT_EQ(cpu_reads(data, 16384), without(0, 2));
	ASSERT_EQ(device_reads(edu, 16384), 2);
}
