// SPDX-License-Identifier: MIT
/* Brackets around a part of the data: what is refused, and when nothing is done. */
#include "library.h"

#define SIZE (16 * page_size())

static int sync_range(int member, uint64_t flags, uint64_t offset,
		      uint64_t length)
{
	struct dmashm_sync arg = {
		.flags = flags,
		.offset = offset,
		.length = length,
	};

	return ioctl(member, DMASHM_IOC_SYNC, &arg);
}

static const uint64_t directions[] = {
	DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_RW,
};

static const struct { uint64_t offset, length; } outside[] = {
	{ 0, 0 }, { 4096, 0 }, { 0, UINT64_MAX }, { UINT64_MAX, 1 },
	{ UINT64_MAX, UINT64_MAX }, { 1, UINT64_MAX }, { 4096, UINT64_MAX - 4095 },
};

TEST(any_bytes_of_the_data_are_a_range)
{
	int fd = create(SIZE), member = join(fd), importer = open_importer(fd);
	const uint64_t ends[] = { DMA_BUF_SYNC_START, DMA_BUF_SYNC_END };
	size_t d, e;

	ASSERT(importer >= 0);
	for (d = 0; d < 3; d++) {
		for (e = 0; e < 2; e++) {
			uint64_t flags = directions[d] | ends[e];

			ASSERT_EQ(sync_range(member, flags, 0, SIZE), 0);
			ASSERT_EQ(sync_range(member, flags, 0, 1), 0);
			ASSERT_EQ(sync_range(member, flags, 5000, 3), 0);
			ASSERT_EQ(sync_range(member, flags, SIZE - 1, 1), 0);
		}
	}
}

TEST(what_is_not_within_the_data_is_einval)
{
	int fd = create(SIZE), member = join(fd);
	size_t i;

	for (i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		ASSERT_ERRNO(sync_range(member, DMA_BUF_SYNC_RW, outside[i].offset,
					outside[i].length), EINVAL);
	ASSERT_ERRNO(sync_range(member, DMA_BUF_SYNC_RW, SIZE, 1), EINVAL);
	ASSERT_ERRNO(sync_range(member, DMA_BUF_SYNC_RW, 0, SIZE + 1), EINVAL);
	ASSERT_ERRNO(sync_range(member, DMA_BUF_SYNC_RW, SIZE - 1, 2), EINVAL);
}

TEST(unknown_flags_are_einval)
{
	int member = join(create(SIZE));

	ASSERT_ERRNO(sync_range(member, DMA_BUF_SYNC_START, 0, 1), EINVAL);
	ASSERT_ERRNO(sync_range(member, DMA_BUF_SYNC_END, 0, 1), EINVAL);
	ASSERT_ERRNO(sync_range(member, DMA_BUF_SYNC_RW | 8, 0, 1), EINVAL);
	ASSERT_ERRNO(sync_range(member, DMA_BUF_SYNC_RW | 1ull << 63, 0, 1), EINVAL);
}

TEST(only_members_answer)
{
	int fd = create(SIZE);

	ASSERT_ERRNO(sync_range(fd, DMA_BUF_SYNC_READ, 0, 1), ENOTTY);
	ASSERT_ERRNO(sync_range(open_device(), DMA_BUF_SYNC_READ, 0, 1), ENOTTY);
}

TEST(a_viewer_only_reads)
{
	int fd = create(SIZE), viewer = join(export_view(fd));
	int importer = open_importer(fd);
	size_t d;

	ASSERT(importer >= 0);
	ASSERT_EQ(sync_range(viewer, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ, 0, 1), 0);
	ASSERT_EQ(sync_range(viewer, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ, 0, 1), 0);
	for (d = 1; d < 3; d++) {
		ASSERT_ERRNO(sync_range(viewer, DMA_BUF_SYNC_START | directions[d],
					0, 1), EACCES);
		ASSERT_ERRNO(sync_range(viewer, DMA_BUF_SYNC_END | directions[d],
					0, 1), EACCES);
	}
	ASSERT_ERRNO(sync_range(viewer, DMA_BUF_SYNC_READ, SIZE, 1), EINVAL);
}

/*
 * The library
 */

static void read_and_write(struct dmashm_buffer *buf)
{
	if (dmashm_begin_range(buf, DMASHM_READ, 1, 2, DMASHM_NEVER) ||
	    dmashm_end_range(buf, DMASHM_READ, 1, 2) ||
	    dmashm_begin_range(buf, DMASHM_WRITE, 4000, 200, DMASHM_NEVER) ||
	    dmashm_end_range(buf, DMASHM_WRITE, 4000, 200))
		syscall(SYS_exit, 1);
}

static void only_begin(struct dmashm_buffer *buf)
{
	dmashm_begin_range(buf, DMASHM_WRITE, 0, 1, DMASHM_NEVER);
}

TEST(a_bracket_without_a_device_takes_no_system_call)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);

	ASSERT(without_system_calls(read_and_write, buf));
	open_importer(dmashm_fd(buf));
	ASSERT(!without_system_calls(only_begin, buf));
}

TEST(a_bracket_takes_the_barrier_of_the_whole)
{
	struct dmashm_buffer *a = new_buffer(SIZE), *b = twin(a);

	open_importer(dmashm_fd(a));
	ASSERT_EQ(dmashm_begin_range(a, DMASHM_READ, 0, 1, 0), 0);
	ASSERT_EQ(dmashm_begin_range(b, DMASHM_READ, 0, 1, 0), 0);
	ASSERT_EQ(dmashm_end_range(b, DMASHM_READ, 0, 1), 0);
	ASSERT_EQ(dmashm_begin_range(b, DMASHM_WRITE, SIZE - 1, 1,
				     dmashm_deadline(SECOND / 50)), -ETIMEDOUT);
	ASSERT_EQ(dmashm_end_range(a, DMASHM_WRITE, 0, 1), -EPERM);
	ASSERT_EQ(dmashm_end_range(a, DMASHM_READ, 0, 1), 0);
	ASSERT_EQ(dmashm_begin_range(b, DMASHM_WRITE, 0, SIZE, 0), 0);
	ASSERT_EQ(dmashm_end(b, DMASHM_WRITE), 0);
	ASSERT_EQ(dmashm_trylock(a), 0);
}

/* Nothing is done, neither to the barrier. */
TEST(a_bracket_outside_the_data_is_einval)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	size_t i;

	for (i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		size_t offset = (size_t)outside[i].offset;
		size_t length = (size_t)outside[i].length;

		ASSERT_EQ(dmashm_begin_range(buf, DMASHM_WRITE, offset, length, 0), -EINVAL);
		ASSERT_EQ(dmashm_lock(buf), 0);
		ASSERT_EQ(dmashm_end_range(buf, DMASHM_WRITE, offset, length), -EINVAL);
		ASSERT_EQ(dmashm_unlock(buf), 0);
	}
	ASSERT_EQ(dmashm_begin_range(buf, DMASHM_WRITE, SIZE, 1, 0), -EINVAL);
	ASSERT_EQ(dmashm_begin_range(buf, 0, 0, 1, 0), -EINVAL);
	ASSERT_EQ(dmashm_begin_range(buf, 64, 0, 1, 0), -EINVAL);
}
