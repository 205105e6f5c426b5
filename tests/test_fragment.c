// SPDX-License-Identifier: MIT
/* Memory in single pages: buffers are made all the same, and mapped well. */
#include "memory.h"

#define SIZE (64 * MIB)
#define ROUNDS 1000

static void check_zeroed(const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += 8)
		ASSERT_EQ(*(const uint64_t *)(data + i), 0);
}

/* Of a new buffer: zeroed, keeps what is written, few faults. */
static void check_buffer(int fd, size_t size)
{
	uint8_t *data = map_skewed(fd, size, 0), *other;
	long most = (long)(size / page_size() / 32);

	ASSERT(faults_of_reading(data, size) <= most);
	check_zeroed(data, size);
	fill_pages(data, size, 77);
	other = map_skewed(fd, size, page_size());
	ASSERT(faults_of_reading(other, size) <= most);
	check_pages(other, size, 77);
	munmap(other, size);
	munmap(data, size);
}

static size_t single_pages_of(int fd, size_t size)
{
	uint8_t *data = map_data(fd, size);
	size_t n;

	faults_of_reading(data, size);
	n = single_pages(data, size);
	munmap(data, size);
	return n;
}

TEST_LIMIT(a_buffer_of_single_pages_is_as_good, 240)
{
	int device, first, fd;
	long before;

	leave_free(FRAGMENTED);
	before = free_kib();
	device = fragment_memory();
	/* What the CPUs keep for themselves is not fragmented: use it up. */
	first = create(2 * SIZE);
	fd = create(SIZE);
	check_buffer(fd, SIZE);
	/* The kernel wants more than a page at a time, to say which pages they are. */
	close(device);
	ASSERT(single_pages_of(fd, SIZE) >= SIZE / page_size() / 4 * 3);
	close(first);
	close(fd);
	ASSERT(free_kib() > before - 8192);
}

/* More than there is: refused, and all of it given back. */
TEST_LIMIT(more_than_the_pages_that_are_left_is_enomem, 240)
{
	static const char *const limits[] = { "max_buffer_mib", "max_total_mib" };
	struct dmashm_create arg = { .name = "test" };
	int fragmenter = fragment_memory(), device = open_device();
	long before = free_kib();
	char old[2][32];
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(old[i], sizeof(old[i]), "%ld", parameter(limits[i]));
		set_parameter(limits[i], "65536");
	}
	arg.size = (uint64_t)before * 1024 + 64 * MIB;
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_CREATE, &arg), ENOMEM);
	for (i = 0; i < 2; i++)
		set_parameter(limits[i], old[i]);
	ASSERT(free_kib() > before - 8192);
	close(fragmenter);
}

static bool is_whole(const uint8_t *data, size_t size)
{
	uint64_t first = frame_of(data), n = size / page_size(), i;

	for (i = 1; i < n; i++)
		if (frame_of(data + i * page_size()) != first + i)
			return false;
	return first % n == 0;
}

/* Is kept, and uses up what is free, if it is whole; else it is given back. */
static bool take_a_piece(void)
{
	int fd = create(HUGE);
	uint8_t *data = map_data(fd, HUGE);

	check_zeroed(data, HUGE);
	if (is_whole(data, HUGE))
		return true;
	munmap(data, HUGE);
	close(fd);
	return false;
}

/* How many such pieces lie ready: blocks of order 9, and of 10, on each line. */
static int pieces_ready(void)
{
	FILE *file = fopen("/proc/buddyinfo", "re");
	int n = 0, nine, ten;
	char line[256];

	ASSERT(file);
	while (fgets(line, sizeof(line), file)) {
		ASSERT_EQ(sscanf(line, "Node %*d, zone %*s %*d %*d %*d %*d %*d"
				 " %*d %*d %*d %*d %d %d", &nine, &ten), 2);
		n += nine + 2 * ten;
	}
	fclose(file);
	return n;
}

/* More of them than were ready: these have been made. */
static bool pieces_are_made(void)
{
	int wanted = pieces_ready() + 4, taken = 0, n;

	for (n = 0; n < ROUNDS && taken < wanted; n++)
		taken += take_a_piece();
	return taken == wanted;
}

/*
 * Where a process's pages are in the way they are moved, and keep what is in
 * them: by the kernel's thread for that, or by who asks. The kernel takes its
 * time: where that failed before it is put off, by up to 64 attempts each time.
 */
TEST_LIMIT(what_can_be_moved_is_moved, 240)
{
	size_t size, step = 2 * page_size(), i, moved = 0;
	uint64_t *frames;
	uint8_t *area;

	leave_free(FRAGMENTED);
	size = (size_t)free_kib() * 1024 / 4 * 3;
	size -= size % HUGE;
	area = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	frames = calloc(size / step, sizeof(*frames));
	ASSERT(area != MAP_FAILED && frames);
	ASSERT_EQ(madvise(area, size, MADV_NOHUGEPAGE), 0);
	fill_pages(area, size, 99);
	for (i = 0; i < size; i += step) {
		ASSERT_EQ(madvise(area + i, page_size(), MADV_DONTNEED), 0);
		frames[i / step] = frame_of(area + i + page_size());
	}
	ASSERT(pieces_are_made());
	for (i = page_size(); i < size; i += step) {
		moved += frame_of(area + i) != frames[i / step];
		ASSERT_EQ(*(uint32_t *)(area + i), 99 + i / page_size());
	}
	ASSERT(moved > 0);
}

/* The fallback as one can have it at any time. */
TEST(max_order_limits_the_folios)
{
	int fd;

	set_parameter("max_order", "0");
	fd = create(4 * MIB);
	set_parameter("max_order", "9");
	check_buffer(fd, 4 * MIB);
	ASSERT_EQ(single_pages_of(fd, 4 * MIB), 4 * MIB / page_size());
	close(fd);
	set_parameter("max_order", "4");
	fd = create(4 * MIB);
	set_parameter("max_order", "9");
	check_buffer(fd, 4 * MIB);
	ASSERT_EQ(single_pages_of(fd, 4 * MIB), 0);
}

TEST(max_order_takes_no_nonsense)
{
	static const struct { const char *value; int error; } wrong[] = {
		{ "10", EINVAL }, { "-1", EINVAL }, { "x", EINVAL },
		{ "99999999999", ERANGE },
	};
	const char *path = "/sys/module/dmashm/parameters/max_order";
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t i;

	ASSERT(fd >= 0);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ASSERT_ERRNO(write(fd, wrong[i].value, strlen(wrong[i].value)),
			     wrong[i].error);
		ASSERT_EQ(proc_value(path, ""), 9);
	}
}
