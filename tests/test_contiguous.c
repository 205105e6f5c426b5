// SPDX-License-Identifier: MIT
/* Buffers that are one piece of physical memory. */
#include "library.h"
#include "memory.h"

static int create_contiguous(size_t size, int *error)
{
	struct dmashm_create arg = {
		.size = size, .flags = DMASHM_CREATE_CONTIGUOUS, .fd = -1,
		.name = "test",
	};
	int device = open_device();

	*error = ioctl(device, DMASHM_IOC_CREATE, &arg) ? errno : 0;
	close(device);
	return arg.fd;
}

/* Zeroed, each frame behind the other, all of it usable. */
static void check_contiguous(size_t size)
{
	int error, fd = create_contiguous(size, &error);
	uint8_t *data;
	uint64_t first;
	size_t i;

	ASSERT_EQ(error, 0);
	data = map_skewed(fd, size, 0);
	for (i = 0; i < size; i += 8)
		ASSERT_EQ(*(uint64_t *)(data + i), 0);
	first = frame_of(data);
	for (i = 0; i < size; i += page_size())
		ASSERT_EQ(frame_of(data + i), first + i / page_size());
	fill_pages(data, size, 5);
	check_pages(data, size, 5);
	munmap(data, size);
	close(fd);
}

TEST(frames_follow_each_other)
{
	static const size_t pages[] = {
		1, 2, 3, 4, 5, 16, 17, 511, 512, 513, 768, 1023, 1024,
	};
	size_t i;

	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		check_contiguous(pages[i] * page_size());
}

TEST(two_mib_are_mapped_by_one_entry)
{
	int error, fd = create_contiguous(HUGE, &error);

	ASSERT_EQ(error, 0);
	ASSERT_EQ(faults_of_writing(map_skewed(fd, HUGE, 0), HUGE), 1);
}

TEST(beyond_the_largest_block_is_efbig)
{
	int error;

	create_contiguous(4 * MIB + 1, &error);
	ASSERT_EQ(error, EFBIG);
	create_contiguous(64 * MIB, &error);
	ASSERT_EQ(error, EFBIG);
}

TEST_LIMIT(fragmented_memory_is_enomem, 240)
{
	int fragmenter = fragment_memory(), error, fds[4096], n = 0;

	/* Until what others left over is used up. */
	do {
		ASSERT(n < 4096);
		fds[n++] = create_contiguous(4 * MIB, &error);
	} while (!error);
	ASSERT_EQ(error, ENOMEM);
	create_contiguous(page_size(), &error);
	ASSERT_EQ(error, 0);
	close(fragmenter);
	while (--n > 0)
		close(fds[n - 1]);
	create_contiguous(4 * MIB, &error);
	ASSERT_EQ(error, 0);
}

/* A page of it in a pipe lives on; the others are free. */
TEST(each_page_can_be_held_alone)
{
	int error, fd = create_contiguous(3 * page_size(), &error), pipefd[2];
	uint8_t *data = map_data(fd, 3 * page_size());
	struct iovec iov = { data + page_size(), 5 };
	char got[5];

	strcpy((char *)data + page_size(), "kept");
	ASSERT_EQ(pipe(pipefd), 0);
	ASSERT_EQ(vmsplice(pipefd[1], &iov, 1, 0), 5);
	munmap(data, 3 * page_size());
	close(fd);
	fd = create(8 * MIB);
	memset(map_data(fd, 8 * MIB), 0xee, 8 * MIB);
	ASSERT_EQ(read(pipefd[0], got, 5), 5);
	ASSERT_EQ(strcmp(got, "kept"), 0);
}

TEST(nothing_is_left_behind)
{
	long before = free_kib();
	int round, error;

	/* Of all sizes there can be, some in between: to clear them takes a while. */
	for (round = 1; round <= ktap_rounds(200); round++)
		close(create_contiguous((size_t)round * 5 * page_size(), &error));
	ASSERT_EQ(error, 0);
	ASSERT(free_kib() > before - 8192);
}

TEST(the_library_passes_it_on)
{
	struct dmashm_buffer *buf;
	uint8_t *data;

	ASSERT_EQ(dmashm_create(3 * MIB, "test", DMASHM_CONTIGUOUS, &buf), 0);
	data = map_buffer(buf);
	memset(data, 1, 3 * MIB);
	ASSERT_EQ(frame_of(data + 3 * MIB - 1), frame_of(data) + 3 * MIB / page_size() - 1);
	dmashm_close(buf);
	ASSERT_EQ(dmashm_create(5 * MIB, "test", DMASHM_CONTIGUOUS, &buf), -EFBIG);
	ASSERT_EQ(dmashm_create(1, "test", 2, &buf), -EINVAL);
}
