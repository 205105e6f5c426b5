// SPDX-License-Identifier: MIT
/*
 * What an fd grants, and nothing else: a user who is nobody here, who was handed
 * fds by somebody, and who tries all else. And what memory was used for before is
 * not to be seen, wherever the module hands some out.
 */
#include <dirent.h>
#include <grp.h>
#include <sys/stat.h>

#include "memory.h"
#include "remains.h"

#define USER	1000
#define SIZE	(64 * 1024)

/* In a child without any right of root's. */
static void as_nobody(void (*try)(int, int), int a, int b)
{
	pid_t pid = start_child();

	if (!pid) {
		ASSERT_EQ(setgroups(0, NULL), 0);
		ASSERT_EQ(setresgid(USER, USER, USER), 0);
		ASSERT_EQ(setresuid(USER, USER, USER), 0);
		try(a, b);
		_exit(0);
	}
	wait_child(pid);
}

static void no_other_way_in(void)
{
	static const char *const closed[] = {
		DMASHM_DEVICE, DMASHM_HEAP_DEVICE, "/sys/kernel/debug/dmashm/buffers",
		"/sys/kernel/debug/dmashm/users",
		"/sys/kernel/tracing/events/dmashm/enable",
	};
	size_t i;

	for (i = 0; i < sizeof(closed) / sizeof(*closed); i++) {
		ASSERT_ERRNO(open(closed[i], O_RDONLY), EACCES);
		ASSERT_ERRNO(open(closed[i], O_RDWR), EACCES);
	}
	ASSERT_ERRNO(open("/sys/module/dmashm/parameters/max_user_mib", O_WRONLY), EACCES);
	ASSERT_ERRNO(opendir("/sys/kernel/debug/dmashm") ? 0 : -1, EACCES);
}

/* That which only the device does, asked of everything else. */
static void no_device(int fd)
{
	struct dmashm_create create = { .size = SIZE };

	ASSERT_ERRNO(ioctl(fd, DMASHM_IOC_CREATE, &create), ENOTTY);
}

static void try_member(int dmabuf, int member)
{
	struct dmashm_seal seal = { 0 };
	int own;

	no_other_way_in();
	no_device(member);
	no_device(dmabuf);
	/* What it grants. */
	own = join_by(member, NULL);
	map_data(dmabuf, SIZE)[0] = 1;
	ASSERT_EQ(sync_data(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), 0);
	ASSERT_EQ(sync_data(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
	ASSERT_EQ(lock_until(own, in_ms(10000)), 0);
	ASSERT_EQ(unlock(own), 0);
	/* What is its sender's: his part in the barrier, and his buffer's end. */
	ASSERT_ERRNO(lock_until(member, in_ms(10)), EPERM);
	ASSERT_ERRNO(unlock(member), EPERM);
	ASSERT_ERRNO(recover(member), EPERM);
	ASSERT(mmap(NULL, page_size(), PROT_READ, MAP_SHARED, member, 0) == MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
	ASSERT_ERRNO(ioctl(own, DMASHM_IOC_SEAL, &seal), EPERM);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_SEAL, &seal), EPERM);
	/* No longer than it is, and no other memory behind it. */
	ASSERT_ERRNO(ftruncate(dmabuf, 2 * SIZE), EINVAL);
	ASSERT(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, dmabuf, SIZE) == MAP_FAILED);
	ASSERT_EQ(errno, EINVAL);
	ASSERT(mmap(NULL, 2 * SIZE, PROT_READ, MAP_SHARED, dmabuf, 0) == MAP_FAILED);
	ASSERT_EQ(errno, EINVAL);
}

TEST(a_dmabuf_and_a_member)
{
	int dmabuf = create(SIZE), member = join(dmabuf);

	as_nobody(try_member, dmabuf, member);
	ASSERT_EQ(lock_until(member, in_ms(1000)), 0);
}

static void try_dmabuf(int dmabuf, int unused)
{
	struct dmashm_join join = { .dmabuf_fd = dmabuf };
	struct dmashm_export export = { .dmabuf_fd = dmabuf, .flags = O_RDWR };
	struct dmashm_info info = { .dmabuf_fd = dmabuf };

	(void)unused;
	no_other_way_in();
	map_data(dmabuf, SIZE)[0] = 1;
	ASSERT_ERRNO(ioctl(dmabuf, DMASHM_IOC_JOIN, &join), ENOTTY);
	ASSERT_ERRNO(ioctl(dmabuf, DMASHM_IOC_EXPORT, &export), ENOTTY);
	ASSERT_ERRNO(ioctl(dmabuf, DMASHM_IOC_INFO, &info), ENOTTY);
}

TEST(a_dmabuf_alone)
{
	as_nobody(try_dmabuf, create(SIZE), -1);
}

static void try_view(int view, int viewer)
{
	struct dmashm_export export = { .dmabuf_fd = view, .flags = O_RDWR };
	char byte = 1;

	no_other_way_in();
	ASSERT(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, view, 0) != MAP_FAILED);
	ASSERT(mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, view, 0) == MAP_FAILED);
	ASSERT_EQ(errno, EACCES);
	ASSERT_ERRNO(ioctl(viewer, DMASHM_IOC_EXPORT, &export), EACCES);
	ASSERT_ERRNO(pwrite(viewer, &byte, 1, 0), EBADF);
	ASSERT_ERRNO(try_lock(join_by(viewer, NULL)), EACCES);
	ASSERT_ERRNO(try_lock_shared(viewer), EPERM);
	ASSERT_EQ(pread(viewer, &byte, 1, 0), 1);
}

TEST(a_view_and_a_viewer)
{
	int view = export_view(create(SIZE));

	as_nobody(try_view, view, join(view));
}

/* Two buffers: who has one cannot get at the other one through it. */
static void try_other(int dmabuf, int member)
{
	struct dmashm_join join = { .dmabuf_fd = dmabuf };
	struct dmashm_info info = { .dmabuf_fd = dmabuf };
	struct dmashm_export export = { .dmabuf_fd = dmabuf, .flags = O_RDONLY };

	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_JOIN, &join), EXDEV);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_INFO, &info), EXDEV);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_EXPORT, &export), EXDEV);
}

TEST(one_buffer_is_no_way_to_another)
{
	as_nobody(try_other, create(SIZE), join(create(SIZE)));
}

#define DIRT	0xa5

/* Most of what is free has been something else's a moment ago. */
static void dirty_memory(void)
{
	size_t size = (size_t)free_kib() * 1024 / 2;
	pid_t pid = start_child();

	if (!pid) {
		uint8_t *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
				     MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		ASSERT(data != MAP_FAILED);
		memset(data, DIRT, size);
		_exit(0);
	}
	wait_child(pid);
}

static bool all_zero(const void *data, size_t from, size_t to)
{
	const uint8_t *bytes = data;

	while (from < to && !bytes[from])
		from++;
	return from == to;
}

TEST_LIMIT(the_data_of_a_new_buffer_is_zero, 120)
{
	static const size_t sizes[] = { 4096, 64 * 1024, 2 * MIB, 16 * MIB };
	size_t i, n;

	dirty_memory();
	for (i = 0; i < 4; i++) {
		for (n = 0; n < 4; n++) {
			int fd = create(sizes[i]);

			ASSERT(all_zero(map_data(fd, sizes[i]), 0, sizes[i]));
		}
	}
}

TEST(the_control_pages_hold_what_they_say_and_no_more)
{
	const struct dmashm_facts *facts;
	int n;

	dirty_memory();
	for (n = 0; n < 16; n++) {
		int member = join(create(SIZE));

		facts = map_facts(member);
		ASSERT(all_zero(facts->reserved0, 0, sizeof(facts->reserved0)));
		ASSERT(all_zero(facts->reserved1, 0, sizeof(facts->reserved1)));
		ASSERT(all_zero(facts, sizeof(*facts), page_size()));
		ASSERT(all_zero(map_words(member), 0, page_size()));
	}
}

/* What the kernel writes back: each byte is the caller's, or has a meaning. */
TEST(what_is_written_back_has_no_holes)
{
	struct {
		struct dmashm_info info;
		uint8_t after[64];
	} answer;
	struct dmashm_create create = { .size = SIZE, .name = "ab" };
	int device = open_device();
	size_t i;

	ASSERT_EQ(ioctl(device, DMASHM_IOC_CREATE, &create), 0);
	memset(&answer, DIRT, sizeof(answer));
	answer.info.dmabuf_fd = create.fd;
	answer.info.flags = 0;
	answer.info.pad = 0;
	ASSERT_EQ(ioctl(device, DMASHM_IOC_INFO, &answer.info), 0);
	ASSERT_EQ(strcmp(answer.info.name, "ab"), 0);
	ASSERT(all_zero(answer.info.name, 2, DMASHM_NAME_LEN));
	ASSERT_EQ(answer.info.pad, 0);
	for (i = 0; i < sizeof(answer.after); i++)
		ASSERT_EQ(answer.after[i], DIRT);
}
