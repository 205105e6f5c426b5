// SPDX-License-Identifier: MIT
/* The seal: the data stays as it is for good, or sealing is refused. */
#include <sys/uio.h>

#include "uapi.h"

#define SIZE	(4 * MIB)

static int seal(int member)
{
	struct dmashm_seal arg = { 0 };

	return ioctl(member, DMASHM_IOC_SEAL, &arg);
}

TEST(nobody_writes_afterwards)
{
	int fd = create(SIZE), member = join(fd), importer;
	uint8_t *data = map_data(fd, SIZE);

	memcpy(data, "asdf", 5);
	munmap(data, SIZE);
	ASSERT_EQ(seal(member), 0);
	ASSERT_ERRNO((long)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				fd, 0), EPERM);
	ASSERT_ERRNO((long)mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
	data = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT(data != MAP_FAILED);
	ASSERT_ERRNO(mprotect(data, SIZE, PROT_READ | PROT_WRITE), EACCES);
	ASSERT_ERRNO(pwrite(member, "x", 1, 0), EPERM);
	ASSERT_ERRNO(pwrite(join(fd), "x", 1, 0), EPERM);
	ASSERT_ERRNO(export_dmabuf(fd, O_RDWR), EPERM);
	ASSERT(export_dmabuf(fd, O_RDONLY) >= 0);
	importer = open_importer(fd);
	ASSERT_ERRNO(map_for_device(importer, IMPORTER_BIDIRECTIONAL), EPERM);
	ASSERT_ERRNO(map_for_device(importer, IMPORTER_FROM_DEVICE), EPERM);
	ASSERT_EQ(map_for_device(importer, IMPORTER_TO_DEVICE), 0);
	ASSERT_ERRNO(ioctl(importer, IMPORTER_IOC_VMAP), EPERM);
	ASSERT_ERRNO((long)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				importer, 0), EPERM);
	ASSERT_EQ(memcmp(data, "asdf", 5), 0);
}

TEST(the_barrier_goes_on)
{
	int fd = create(SIZE), member = join(fd);

	ASSERT_EQ(seal(member), 0);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(seal(member), 0);
}

TEST(info_tells)
{
	struct dmashm_info info = { .dmabuf_fd = -1 };
	int member = join(create(1));

	ASSERT_EQ(seal(member), 0);
	ASSERT_EQ(ioctl(member, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.flags, DMASHM_INFO_SEALED);
}

TEST(a_writable_mapping_is_in_the_way)
{
	int fd = create(SIZE), member = join(fd);
	uint8_t *data = map_data(fd, SIZE);

	ASSERT_ERRNO(seal(member), EBUSY);
	/* Nothing has changed. */
	data[0] = 1;
	ASSERT_EQ(pwrite(member, "x", 1, 0), 1);
	munmap(data + page_size(), SIZE - page_size());
	ASSERT_ERRNO(seal(member), EBUSY);
	munmap(data, page_size());
	ASSERT_EQ(seal(member), 0);
}

/* It can be made writable. */
TEST(a_mapping_of_a_writable_fd_is_in_the_way)
{
	int fd = create(SIZE), member = join(fd);
	void *data = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);

	ASSERT_ERRNO(seal(member), EBUSY);
	ASSERT_EQ(mprotect(data, SIZE, PROT_READ | PROT_WRITE), 0);
	ASSERT_EQ(mprotect(data, SIZE / 2, PROT_READ), 0);
	munmap(data, SIZE);
	ASSERT_EQ(seal(member), 0);
}

TEST(mappings_of_views_are_not)
{
	int fd = create(SIZE), member = join(fd);
	uint8_t *data = map_data(fd, SIZE);
	const volatile uint8_t *seen;
	size_t i;

	memset(data, 5, SIZE);
	munmap(data, SIZE);
	seen = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, export_view(fd), 0);
	ASSERT((const void *)seen != MAP_FAILED);
	for (i = 0; i < SIZE; i += page_size())
		ASSERT_EQ(seen[i], 5);
	ASSERT_EQ(seal(member), 0);
	ASSERT_EQ(seen[SIZE - 1], 5);
}

TEST(childrens_mappings_count)
{
	int fd = create(SIZE), member = join(fd);
	void *data = map_data(fd, SIZE);
	pid_t pid = start_child();

	if (!pid) {
		pause();
		_exit(0);
	}
	munmap(data, SIZE);
	ASSERT_ERRNO(seal(member), EBUSY);
	kill_child(pid);
	ASSERT_EQ(seal(member), 0);
}

TEST(parts_and_moves_are_counted_right)
{
	int fd = create(SIZE), member = join(fd), round;
	size_t page = page_size();

	for (round = 0; round < 100; round++) {
		uint8_t *data = map_data(fd, SIZE), *moved;

		munmap(data + 10 * page, page);
		munmap(data + 20 * page, 5 * page);
		mprotect(data + 30 * page, page, PROT_READ);
		moved = mremap(data + 40 * page, 10 * page, 10 * page,
			       MREMAP_MAYMOVE | MREMAP_FIXED, data + 10 * page + SIZE);
		ASSERT(moved != MAP_FAILED);
		ASSERT_ERRNO(seal(member), EBUSY);
		munmap(moved, 10 * page);
		munmap(data, SIZE);
	}
	ASSERT_EQ(seal(member), 0);
}

TEST(a_device_is_in_the_way)
{
	int fd = create(SIZE), member = join(fd);
	int importer = open_importer(fd);

	ASSERT_ERRNO(seal(member), EBUSY);
	close(importer);
	/* One that can only read is not. */
	importer = open_importer(export_view(fd));
	ASSERT_EQ(seal(member), 0);
	ASSERT_EQ(map_for_device(importer, IMPORTER_TO_DEVICE), 0);
}

/* Direct I/O may be on its way to a page whose mapping is gone. */
TEST(a_page_that_is_held_is_in_the_way)
{
	int fd = create(SIZE), member = join(fd), fds[2];
	uint8_t *data = map_data(fd, SIZE);
	struct iovec iov = { data + 5 * page_size(), 10 };
	char byte;

	ASSERT_EQ(pipe(fds), 0);
	ASSERT_EQ(vmsplice(fds[1], &iov, 1, 0), 10);
	munmap(data, SIZE);
	ASSERT_ERRNO(seal(member), EBUSY);
	ASSERT_EQ(pwrite(member, "x", 1, 0), 1);
	while (read(fds[0], &byte, 1) == 1 && byte != 'x')
		if (--iov.iov_len == 0)
			break;
	close(fds[0]);
	close(fds[1]);
	ASSERT_EQ(seal(member), 0);
}

/* Who relies on the seal must not see one that is refused a moment later. */
TEST(one_that_is_refused_is_never_seen)
{
	int fd = create(SIZE), member = join(fd), fds[2], n;
	uint8_t *data = map_data(fd, SIZE);
	struct iovec iov = { data, 10 };
	pid_t pid;

	ASSERT_EQ(pipe(fds), 0);
	ASSERT_EQ(vmsplice(fds[1], &iov, 1, 0), 10);
	munmap(data, SIZE);
	pid = start_child();
	if (!pid) {
		int own = join(fd);

		for (;;) {
			struct dmashm_info info = { .dmabuf_fd = -1 };
			int other;

			ASSERT_EQ(ioctl(own, DMASHM_IOC_INFO, &info), 0);
			ASSERT_EQ(info.flags, 0);
			other = export_dmabuf(fd, O_RDWR);
			ASSERT(other >= 0);
			close(other);
			munmap(map_data(fd, SIZE), SIZE);
		}
	}
	sleep_ms(20);
	for (n = 0; n < 10; n++)
		ASSERT_ERRNO(seal(member), EBUSY);
	kill_child(pid);
}

/* Who was handed a writable fd may write; to forbid it is not his. */
TEST(only_the_creator_seals)
{
	int fd = create(SIZE), member = join(fd);
	pid_t pid = start_child();

	if (!pid) {
		ASSERT_ERRNO(seal(join(fd)), EPERM);
		ASSERT_ERRNO(seal(member), EPERM);
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(pwrite(member, "x", 1, 0), 1);
	ASSERT_EQ(seal(member), 0);
}

TEST(unknown_flags_are_refused)
{
	struct dmashm_seal arg = { .flags = 1 };
	int member = join(create(1));

	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_SEAL, &arg), EINVAL);
	arg = (struct dmashm_seal){ .pad = 1 };
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_SEAL, &arg), EINVAL);
	ASSERT_ERRNO(ioctl(open_device(), DMASHM_IOC_SEAL, &arg), ENOTTY);
}

/* Those who map, write and unmap meanwhile get in, or -EPERM, or see to -EBUSY. */
TEST(sealing_races_with_those_who_write)
{
	int round;

	for (round = 0; round < 50; round++) {
		int fd = create(SIZE), member = join(fd), sealed;
		uint8_t before, after;
		pid_t pid = start_child();

		if (!pid) {
			int own = join(fd);
			uint8_t *data, n;

			for (n = 0;; n++) {
				data = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
					    MAP_SHARED, fd, 0);
				if (data != MAP_FAILED) {
					data[0] = n;
					munmap(data, SIZE);
				}
				(void)!pwrite(own, &n, 1, 0);
			}
		}
		sleep_ms(3);
		sealed = !seal(member);
		if (!sealed)
			ASSERT_EQ(errno, EBUSY);
		ASSERT_EQ(pread(member, &before, 1, 0), 1);
		sleep_ms(10);
		ASSERT_EQ(pread(member, &after, 1, 0), 1);
		if (sealed)
			ASSERT_EQ(after, before);
		kill_child(pid);
		close(fd);
		close(member);
	}
}
