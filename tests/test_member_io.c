// SPDX-License-Identifier: MIT
/* read, write, pread, pwrite and lseek on a member fd. */
#include "uapi.h"

TEST(the_kernel_and_a_mapping_see_each_other)
{
	int fd = create(1), member = join(fd);
	char *data = (char *)map_data(fd, page_size()), got[5];

	memcpy(data, "asdf", 5);
	ASSERT_EQ(read(member, got, 5), 5);
	ASSERT_EQ(strcmp(got, "asdf"), 0);
	ASSERT_EQ(pwrite(member, "qwer", 5, 0), 5);
	ASSERT_EQ(strcmp(data, "qwer"), 0);
	memcpy(data, "zxcv", 5);
	ASSERT_EQ(lseek(member, 0, SEEK_SET), 0);
	ASSERT_EQ(read(member, got, 5), 5);
	ASSERT_EQ(strcmp(got, "zxcv"), 0);
}

TEST(the_position_moves)
{
	size_t size = 2 * page_size();
	int member = join(create(size));
	char got[4] = "";

	ASSERT_EQ(write(member, "abc", 3), 3);
	ASSERT_EQ(write(member, "def", 3), 3);
	ASSERT_EQ(lseek(member, 0, SEEK_CUR), 6);
	ASSERT_EQ(lseek(member, -4, SEEK_CUR), 2);
	ASSERT_EQ(read(member, got, 3), 3);
	ASSERT_EQ(strcmp(got, "cde"), 0);
	ASSERT_EQ(lseek(member, -1, SEEK_END), size - 1);
	ASSERT_ERRNO(lseek(member, 1, SEEK_END), EINVAL);
	ASSERT_ERRNO(lseek(member, -1, SEEK_SET), EINVAL);
}

TEST(the_end_is_the_end)
{
	size_t size = page_size();
	int member = join(create(size));
	char got[16];

	ASSERT_EQ(pread(member, got, 16, (off_t)size - 3), 3);
	ASSERT_EQ(pread(member, got, 16, (off_t)size), 0);
	ASSERT_EQ(pread(member, got, 16, INT64_MAX - 100), 0);
	ASSERT_EQ(pwrite(member, got, 16, (off_t)size - 3), 3);
	ASSERT_ERRNO(pwrite(member, got, 16, (off_t)size), ENOSPC);
	ASSERT_ERRNO(pwrite(member, got, 16, INT64_MAX - 100), ENOSPC);
	ASSERT_ERRNO(pread(member, got, 16, -1), EINVAL);
	ASSERT_EQ(pread(member, got, 0, 0), 0);
	ASSERT_EQ(pwrite(member, got, 0, (off_t)size), 0);
}

TEST(large_transfers_arrive_whole)
{
	size_t size = 3 * MIB + 5 * page_size(), i;
	int fd = create(size), member = join(fd);
	uint8_t *data = map_data(fd, size), *copy = malloc(size);

	for (i = 0; i < size; i++)
		copy[i] = (uint8_t)(i * 7 + i / 4096);
	ASSERT_EQ(pwrite(member, copy + 11, size - 11, 11), size - 11);
	ASSERT_EQ(memcmp(data + 11, copy + 11, size - 11), 0);
	memset(copy, 0, size);
	ASSERT_EQ(pread(member, copy, size, 0), size);
	ASSERT_EQ(memcmp(data, copy, size), 0);
}

TEST(bad_memory_is_efault)
{
	int fd = create(4 * page_size()), member = join(fd);
	char *edge = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	void *volatile bad = (void *)8;	/* hidden from the compiler */

	munmap(edge + page_size(), page_size());
	ASSERT_ERRNO(pread(member, bad, 16, 0), EFAULT);
	ASSERT_ERRNO(pwrite(member, bad, 16, 0), EFAULT);
	/* As much as can be read; of a write all of a chunk or nothing. */
	ASSERT_EQ(pread(member, edge + page_size() - 8, 16, 0), 8);
	memset(edge + page_size() - 8, 0x55, 8);
	ASSERT_ERRNO(pwrite(member, edge + page_size() - 8, 16, 0), EFAULT);
	ASSERT_EQ(map_data(fd, page_size())[0], 0);
	ASSERT_EQ(load(map_words(member)), 0);
}

/* Into and out of the very pages that are being copied. */
TEST(the_buffers_own_mapping_may_be_the_memory)
{
	size_t size = 4 * page_size();
	int fd = create(size), member = join(fd);
	uint8_t *data = map_data(fd, size);

	memset(data, 9, page_size());
	ASSERT_EQ(pread(member, data + page_size(), page_size(), 0), page_size());
	ASSERT_EQ(data[2 * page_size() - 1], 9);
	ASSERT_EQ(pwrite(member, data, page_size(), 3 * (off_t)page_size()), page_size());
	ASSERT_EQ(data[size - 1], 9);
}

TEST(io_waits_for_the_holder)
{
	int fd = create(1), member = join(fd), holder = join(fd);
	pid_t pid;

	ASSERT_EQ(try_lock(holder), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(pwrite(member, "x", 1, 0), 1);
		_exit(0);
	}
	sleep_ms(200);
	ASSERT_EQ(map_data(fd, page_size())[0], 0);
	ASSERT_EQ(waitpid(pid, NULL, WNOHANG), 0);
	ASSERT_EQ(unlock(holder), 0);
	wait_child(pid);
	ASSERT_EQ(map_data(fd, page_size())[0], 'x');
}

TEST(io_does_not_wait_with_o_nonblock)
{
	int fd = create(1), member = join(fd), holder = join(fd);
	char byte = 0;

	ASSERT_EQ(fcntl(member, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	ASSERT_EQ(try_lock(holder), 0);
	ASSERT_ERRNO(pread(member, &byte, 1, 0), EAGAIN);
	ASSERT_ERRNO(pwrite(member, &byte, 1, 0), EAGAIN);
	ASSERT_EQ(unlock(holder), 0);
	ASSERT_EQ(pread(member, &byte, 1, 0), 1);
}

static void on_signal(int signal)
{
	(void)signal;
}

TEST(a_signal_interrupts_io)
{
	struct sigaction action = { .sa_handler = on_signal };
	int fd = create(1), member = join(fd), holder = join(fd);
	pid_t pid;
	char byte;

	sigaction(SIGUSR1, &action, NULL);
	ASSERT_EQ(try_lock(holder), 0);
	pid = start_signaller();
	ASSERT_ERRNO(pread(member, &byte, 1, 0), EINTR);
	kill_child(pid);
}

TEST(io_after_a_death_needs_a_repair)
{
	int fd = create(1), member = join(fd), holder = join(fd);
	char byte = 1;

	ASSERT_EQ(try_lock(holder), 0);
	close(holder);
	ASSERT_ERRNO(pread(member, &byte, 1, 0), EOWNERDEAD);
	ASSERT_ERRNO(pwrite(member, &byte, 1, 0), EOWNERDEAD);
	ASSERT_EQ(map_data(fd, page_size())[0], 0);
	ASSERT_ERRNO(try_lock(member), EOWNERDEAD);
	ASSERT_EQ(recover(member), 0);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(pwrite(member, &byte, 1, 0), 1);
}

TEST(a_child_may_use_the_inherited_fd)
{
	int fd = create(1), member = join(fd);
	pid_t pid = start_child();

	if (!pid) {
		ASSERT_EQ(write(member, "child", 5), 5);
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(memcmp(map_data(fd, page_size()), "child", 5), 0);
}

/* What fits in a chunk is never torn: one writes all a or all b. */
TEST(chunks_are_never_torn)
{
	static char chunk[DMASHM_IO_CHUNK], got[DMASHM_IO_CHUNK];
	int fd = create(sizeof(chunk)), member = join(fd), i, mixed;
	pid_t pid = start_child();

	if (!pid) {
		for (i = 0; i < 400; i++) {
			memset(chunk, 'a' + i % 2, sizeof(chunk));
			ASSERT_EQ(pwrite(member, chunk, sizeof(chunk), 0), sizeof(chunk));
		}
		_exit(0);
	}
	while (!waitpid(pid, &mixed, WNOHANG)) {
		ASSERT_EQ(pread(member, got, sizeof(got), 0), sizeof(got));
		ASSERT_EQ(memcmp(got, got + 1, sizeof(got) - 1), 0);
	}
	ASSERT_EQ(mixed, 0);
}
