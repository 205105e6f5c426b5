// SPDX-License-Identifier: MIT
/* CREATE, JOIN and INFO: what they give, and what they refuse. */
#include <sys/resource.h>
#include <sys/stat.h>

#include "uapi.h"

static int create_with(int device, struct dmashm_create *arg)
{
	return ioctl(device, DMASHM_IOC_CREATE, arg);
}

/* The lowest free fd; the same before and after a call that fails. */
static int next_fd(void)
{
	int fd = dup(1);

	close(fd);
	return fd;
}

TEST(create_gives_a_dmabuf_of_the_size)
{
	struct dmashm_create arg = { .size = 1, .fd = -1, .name = "one" };

	ASSERT_EQ(create_with(open_device(), &arg), 0);
	ASSERT_EQ(arg.size, page_size());
	ASSERT_EQ(lseek(arg.fd, 0, SEEK_END), page_size());
	ASSERT_EQ(fcntl(arg.fd, F_GETFD), FD_CLOEXEC);
	ASSERT_EQ(fcntl(arg.fd, F_GETFL) & O_ACCMODE, O_RDWR);
}

TEST(create_gives_zeroed_memory)
{
	size_t size = 5 * MIB + 3 * page_size(), i;
	uint64_t *data;
	int round, fd;

	for (round = 0; round < 4; round++) {
		fd = create(size);
		data = (uint64_t *)map_data(fd, size);
		for (i = 0; i < size / 8; i++)
			ASSERT_EQ(data[i], 0);
		memset(data, 0xa5, size);
		munmap(data, size);
		close(fd);
	}
}

TEST(create_refuses_size_zero)
{
	struct dmashm_create arg = { .size = 0 };
	int device = open_device(), fd = next_fd();

	ASSERT_ERRNO(create_with(device, &arg), EINVAL);
	ASSERT_EQ(next_fd(), fd);
}

TEST(create_refuses_absurd_sizes)
{
	static const uint64_t sizes[] = {
		UINT64_MAX, UINT64_MAX - 4094, UINT64_MAX - 4095,
		(uint64_t)INT64_MAX, (uint64_t)INT64_MAX + 1,
		1ull << 48, 1ull << 44, (1ull << 43) + 1, 1ull << 40,
	};
	int device = open_device(), fd = next_fd();
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct dmashm_create arg = { .size = sizes[i] };

		ASSERT_ERRNO(create_with(device, &arg), EFBIG);
		ASSERT_EQ(arg.size, sizes[i]);
		ASSERT_EQ(next_fd(), fd);
	}
}

static void write_parameter(const char *text)
{
	int fd = open("/sys/module/dmashm/parameters/max_buffer_mib", O_WRONLY);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

TEST(create_keeps_to_max_buffer_mib)
{
	struct dmashm_create arg = { .size = 2 * MIB };
	char old[32] = "";
	int device = open_device();
	int fd = open("/sys/module/dmashm/parameters/max_buffer_mib", O_RDONLY);

	ASSERT(read(fd, old, sizeof(old) - 1) > 0);
	write_parameter("2");
	ASSERT_EQ(create_with(device, &arg), 0);
	close(arg.fd);
	arg.size = 2 * MIB + 1;
	ASSERT_ERRNO(create_with(device, &arg), EFBIG);
	write_parameter("18446744073709551615");
	arg.size = 1ull << 44;
	ASSERT_ERRNO(create_with(device, &arg), EFBIG);
	write_parameter(old);
}

TEST(create_refuses_unknown_flags)
{
	int device = open_device(), fd = next_fd(), bit;

	for (bit = 1; bit < 32; bit++) {
		struct dmashm_create arg = { .size = 1, .flags = 1u << bit };

		ASSERT_ERRNO(create_with(device, &arg), EINVAL);
	}
	ASSERT_EQ(next_fd(), fd);
}

TEST(create_refuses_a_name_without_end)
{
	struct dmashm_create arg = { .size = 1 };

	memset(arg.name, 'x', sizeof(arg.name));
	ASSERT_ERRNO(create_with(open_device(), &arg), EINVAL);
}

TEST(create_refuses_bad_memory)
{
	int device = open_device(), fd = next_fd();
	struct dmashm_create *arg;

	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_CREATE, NULL), EFAULT);
	/* Can be read but not written: fails after the buffer was made. */
	arg = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	arg->size = 1;
	ASSERT_EQ(mprotect(arg, page_size(), PROT_READ), 0);
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_CREATE, arg), EFAULT);
	ASSERT_EQ(next_fd(), fd);
}

TEST(create_without_a_free_fd_fails)
{
	int device = open_device(), fd = next_fd();
	struct rlimit limit = { (rlim_t)fd, (rlim_t)fd };
	struct dmashm_create arg = { .size = 1 };

	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ASSERT_ERRNO(create_with(device, &arg), EMFILE);
}

/* A struct of the caller that is longer or shorter than the kernel's. */
TEST(structs_may_grow)
{
	struct {
		struct dmashm_create create;
		uint64_t tail;
	} arg = { .create = { .size = 1, .fd = -1 } };
	unsigned int cmd = _IOWR(DMASHM_IOC_MAGIC, 0x00, arg);
	int device = open_device(), fd = next_fd();

	ASSERT_EQ(ioctl(device, cmd, &arg), 0);
	ASSERT_EQ(arg.create.fd, fd);
	ASSERT_EQ(arg.tail, 0);
	close(fd);
	arg.tail = 1ull << 63;
	ASSERT_ERRNO(ioctl(device, cmd, &arg), E2BIG);
	ASSERT_EQ(next_fd(), fd);

	cmd = _IOWR(DMASHM_IOC_MAGIC, 0x00, uint64_t);
	ASSERT_ERRNO(ioctl(device, cmd, &arg), EINVAL);
}

TEST(unknown_commands_are_not_answered)
{
	struct dmashm_create create = { .size = 1 };
	struct dmashm_lock lock = { .flags = DMASHM_LOCK_TRY };
	int device = open_device(), dmabuf, member;

	ASSERT_ERRNO(ioctl(device, _IOWR(DMASHM_IOC_MAGIC, 0x7f, create), &create), ENOTTY);
	ASSERT_ERRNO(ioctl(device, _IOWR('x', 0x00, create), &create), ENOTTY);
	/* The right number, another direction. */
	ASSERT_ERRNO(ioctl(device, _IOW(DMASHM_IOC_MAGIC, 0x00, create), &create), ENOTTY);
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_LOCK, &lock), ENOTTY);
	dmabuf = create_with(device, &create) ? -1 : create.fd;
	ASSERT_ERRNO(ioctl(dmabuf, DMASHM_IOC_LOCK, &lock), ENOTTY);
	member = join(dmabuf);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_CREATE, &create), ENOTTY);
}

static int join_with(int fd, int dmabuf, uint32_t flags, uint32_t pad)
{
	struct dmashm_join arg = {
		.dmabuf_fd = dmabuf, .flags = flags, .fd = -1, .pad = pad,
	};

	return ioctl(fd, DMASHM_IOC_JOIN, &arg) ? -1 : arg.fd;
}

TEST(join_gives_members_with_ids_of_their_own)
{
	struct dmashm_join arg = { .fd = -1, .id = 77, .slot = 88 };
	int device = open_device();
	uint32_t i;

	arg.dmabuf_fd = create(1);
	for (i = 1; i <= 5; i++) {
		ASSERT_EQ(ioctl(device, DMASHM_IOC_JOIN, &arg), 0);
		ASSERT_EQ(arg.id, i);
		ASSERT_EQ(arg.slot, i - 1);
		ASSERT_EQ(fcntl(arg.fd, F_GETFD), FD_CLOEXEC);
	}
	/* The slot is free again, the id never is. */
	close(arg.fd);
	ASSERT_EQ(ioctl(device, DMASHM_IOC_JOIN, &arg), 0);
	ASSERT_EQ(arg.id, 6);
	ASSERT_EQ(arg.slot, 4);
}

TEST(join_refuses_what_is_no_dmabuf_of_ours)
{
	int device = open_device(), file, fd;

	file = open("/proc/self/exe", O_RDONLY);
	fd = next_fd();
	ASSERT_ERRNO(join_with(device, file, 0, 0), EINVAL);
	ASSERT_ERRNO(join_with(device, device, 0, 0), EINVAL);
	ASSERT_ERRNO(join_with(device, fd, 0, 0), EBADF);
	ASSERT_ERRNO(join_with(device, -1, 0, 0), EBADF);
	ASSERT_ERRNO(join_with(device, -100, 0, 0), EBADF);
	ASSERT_EQ(next_fd(), fd);
}

TEST(join_refuses_flags_and_padding)
{
	int device = open_device(), dmabuf = create(1), fd = next_fd();

	ASSERT_ERRNO(join_with(device, dmabuf, 1, 0), EINVAL);
	ASSERT_ERRNO(join_with(device, dmabuf, 1u << 31, 0), EINVAL);
	ASSERT_ERRNO(join_with(device, dmabuf, 0, 1), EINVAL);
	ASSERT_EQ(next_fd(), fd);
}

TEST(join_refuses_bad_memory)
{
	int device = open_device(), dmabuf = create(1), member = join(dmabuf);
	struct dmashm_join *arg;
	int fd = next_fd();

	arg = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	arg->dmabuf_fd = dmabuf;
	ASSERT_EQ(mprotect(arg, page_size(), PROT_READ), 0);
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_JOIN, arg), EFAULT);
	ASSERT_EQ(next_fd(), fd);
	members_are(member, 1);
}

TEST(join_through_a_member)
{
	int first = create(1), other = create(1), member = join(first);

	ASSERT(join_with(member, -1, 0, 0) >= 0);
	ASSERT(join_with(member, first, 0, 0) >= 0);
	members_are(member, 3);
	ASSERT_ERRNO(join_with(member, other, 0, 0), EXDEV);
	ASSERT_ERRNO(join_with(member, -2, 0, 0), EBADF);
	members_are(member, 3);
}

TEST(join_ends_at_the_capacity)
{
	int device = open_device(), dmabuf = create(1), member = -1, i;

	for (i = 0; i < DMASHM_CAPACITY; i++) {
		member = join_with(device, dmabuf, 0, 0);
		ASSERT(member >= 0);
	}
	ASSERT_ERRNO(join_with(device, dmabuf, 0, 0), EUSERS);
	close(member);
	ASSERT(join_with(device, dmabuf, 0, 0) >= 0);
}

TEST(info_tells_what_there_is)
{
	struct dmashm_info info;
	struct dmashm_create arg = { .size = 3 * page_size(), .name = "frames" };
	int device = open_device(), member;
	uint32_t id;

	ASSERT_EQ(create_with(device, &arg), 0);
	memset(&info, 0xff, sizeof(info));
	info.dmabuf_fd = arg.fd;
	info.flags = 0;
	info.pad = 0;
	ASSERT_EQ(ioctl(device, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.size, 3 * page_size());
	ASSERT(info.buffer_id != 0);
	ASSERT_EQ(info.abi, DMASHM_ABI);
	ASSERT_EQ(info.capacity, DMASHM_CAPACITY);
	ASSERT_EQ(info.members, 0);
	ASSERT_EQ(info.attachments, 0);
	ASSERT_EQ(info.id, 0);
	ASSERT_EQ(strcmp(info.name, "frames"), 0);

	member = join_id(arg.fd, &id);
	info.dmabuf_fd = -1;
	ASSERT_EQ(ioctl(member, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.id, id);
	ASSERT_EQ(info.members, 1);
}

TEST(info_refuses_what_it_does_not_know)
{
	struct dmashm_info info = { .dmabuf_fd = -1 };
	int device = open_device();

	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_INFO, &info), EBADF);
	info.dmabuf_fd = 0;
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_INFO, &info), EINVAL);
	info.dmabuf_fd = create(1);
	info.flags = 1;
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_INFO, &info), EINVAL);
	info.flags = 0;
	info.pad = 1;
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_INFO, &info), EINVAL);
	info.pad = 0;
	info.dmabuf_fd = join(create(1));
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_INFO, &info), EINVAL);
}

TEST(the_device_node_is_for_root)
{
	struct stat st;

	ASSERT_EQ(stat(DMASHM_DEVICE, &st), 0);
	ASSERT_EQ(st.st_mode & 07777, 0600);
	if (getuid())
		SKIP("not root");
	ASSERT_EQ(setuid(65534), 0);
	ASSERT_ERRNO(open(DMASHM_DEVICE, O_RDWR), EACCES);
}

/* An fd is the capability: no right on the device is needed to join by one. */
TEST(a_member_fd_lets_anybody_join)
{
	int dmabuf = create(1), member = join(dmabuf), own;
	uint32_t *words;

	if (getuid())
		SKIP("not root");
	wait_child(({
		pid_t pid = start_child();

		if (!pid) {
			ASSERT_EQ(setuid(65534), 0);
			ASSERT_ERRNO(open(DMASHM_DEVICE, O_RDWR), EACCES);
			own = join_with(member, dmabuf, 0, 0);
			ASSERT(own >= 0);
			words = map_words(own);
			ASSERT_EQ(try_lock(own), 0);
			ASSERT_EQ(load(words) & DMASHM_KIND_MASK, DMASHM_KIND_USER);
			ASSERT_EQ(unlock(own), 0);
			_exit(0);
		}
		pid;
	}));
}
