// SPDX-License-Identifier: MIT
/*
 * Devices that come and go while processes read, write and lock: nothing that a
 * bracket wrote, and nothing that a device wrote in its turn, is ever missed.
 */
#include <sched.h>

#include "edu.h"
#include "library.h"

#define SIZE	(64 << 10)
#define PAGES	(SIZE / 4096)

/* The limits of all tests together stay below that of tests/run for a program. */

/*
 * A number that is being copied may be seen in pieces. So it stands there with
 * its complement, and who sees them disagree looks again.
 */
struct pair {
	uint64_t value;
	uint64_t complement;
};

static struct pair pair_of(uint64_t value)
{
	return (struct pair){ value, ~value };
}

static void put_pair(uint8_t *data, size_t offset, uint64_t value)
{
	cpu_writes(data, offset, value);
	cpu_writes(data, offset + 8, ~value);
}

/* Memory starts as zero, which is no pair: it counts as 0. */
static bool is_pair(struct pair pair)
{
	return pair.value == ~pair.complement || !(pair.value | pair.complement);
}

static uint64_t device_reads_pair(int edu, size_t offset)
{
	uint64_t late = in_ms(10000);
	struct pair pair;

	do {
		ASSERT(now_ns() < late);
		ASSERT_EQ(pread(edu, &pair, sizeof(pair), (off_t)offset), sizeof(pair));
	} while (!is_pair(pair));
	return pair.value;
}

static void device_writes_pair(int edu, size_t offset, uint64_t value)
{
	struct pair pair = pair_of(value);

	ASSERT_EQ(pwrite(edu, &pair, sizeof(pair), (off_t)offset), sizeof(pair));
}

/* Inside a bracket a number is whole. */
static uint64_t get_pair(const uint8_t *data, size_t offset)
{
	struct pair pair = { cpu_reads(data, offset), cpu_reads(data, offset + 8) };

	ASSERT(is_pair(pair));
	return pair.value;
}

enum { WRITTEN, BY_DEVICE, STOP };	/* events */

/*
 * The race: a device comes just as a bracket begins, or ends, without the ioctl.
 */

/* Writes numbers, and says after each bracket how far it is. */
static void write_numbers(struct dmashm_buffer *buf)
{
	uint8_t *data = map_buffer(buf);
	uint32_t n;

	for (n = 1; !load(dmashm_event(buf, STOP)); n++) {
		ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
		put_pair(data, 0, n);
		ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
		store(dmashm_event(buf, WRITTEN), n);
	}
}

/* However it falls: what was written before is with the device once it mapped. */
TEST_LIMIT(no_bracket_that_wrote_is_missed_by_a_device_that_maps, 100)
{
	const int rounds = ktap_rounds(3000);
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = open_edu(), fd = dmashm_fd(buf), i, meanwhile = 0;
	pid_t pid = start_child();

	if (!pid) {
		write_numbers(buf);
		_exit(0);
	}
	for (i = 0; i < rounds; i++) {
		uint32_t before, seen;

		ASSERT_EQ(ioctl(edu, EDU_IOC_ATTACH, &fd), 0);
		ASSERT_EQ(map_edu(edu, EDU_TO_DEVICE, EDU_MAP_BY_CPU), 0);
		before = load(dmashm_event(buf, WRITTEN));
		seen = (uint32_t)device_reads_pair(edu, 0);
		if (seen < before)
			FAIL("round %d: %u was written, the device has %u", i, before, seen);
		/* Once more, when some more have been written: it is told of each. */
		if (i % 8 == 0) {
			while (load(dmashm_event(buf, WRITTEN)) < before + 3)
				sched_yield();
			ASSERT(device_reads_pair(edu, 0) >= before + 3);
			meanwhile++;
		}
		ASSERT_EQ(ioctl(edu, EDU_IOC_DETACH), 0);
	}
	store(dmashm_event(buf, STOP), 1);
	wait_child(pid);
	ASSERT(load(dmashm_event(buf, WRITTEN)) > 3u * meanwhile);
}

/*
 * Looks at numbers, to read or to write: none is older than what was announced
 * before it began.
 */
static void look_at_numbers(struct dmashm_buffer *buf, unsigned int access)
{
	uint8_t *data = map_buffer(buf);

	while (!load(dmashm_event(buf, STOP))) {
		uint32_t before = load(dmashm_event(buf, BY_DEVICE));

		ASSERT_EQ(dmashm_begin(buf, access, DMASHM_NEVER), 0);
		if (get_pair(data, 0) < before)
			FAIL("the device wrote %u, there is %llu", before,
			     (unsigned long long)get_pair(data, 0));
		ASSERT_EQ(dmashm_end(buf, access), 0);
		store(dmashm_event(buf, WRITTEN), load(dmashm_event(buf, WRITTEN)) + 1);
	}
}

static void write_by_device(unsigned int access)
{
	const int rounds = ktap_rounds(3000);
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = open_edu(), fd = dmashm_fd(buf), i;
	pid_t pid = start_child();

	if (!pid) {
		look_at_numbers(buf, access);
		_exit(0);
	}
	for (i = 1; i <= rounds; i++) {
		ASSERT_EQ(ioctl(edu, EDU_IOC_ATTACH, &fd), 0);
		ASSERT_EQ(map_edu(edu, EDU_FROM_DEVICE, EDU_MAP_BY_CPU), 0);
		ASSERT_EQ(dmashm_lock(buf), 0);
		device_writes_pair(edu, 0, (uint64_t)i);
		ASSERT_EQ(dmashm_unlock(buf), 0);
		store(dmashm_event(buf, BY_DEVICE), (uint32_t)i);
		if (i % 4 == 0)
			sched_yield();
		ASSERT_EQ(ioctl(edu, EDU_IOC_DETACH), 0);
	}
	store(dmashm_event(buf, STOP), 1);
	wait_child(pid);
	ASSERT(load(dmashm_event(buf, WRITTEN)) > 0);
}

/* The other way: what a device wrote is there, be it mapped still, or gone. */
TEST_LIMIT(no_bracket_that_reads_misses_what_a_device_wrote, 100)
{
	write_by_device(DMASHM_READ);
}

TEST_LIMIT(no_bracket_that_writes_misses_what_a_device_wrote, 100)
{
	write_by_device(DMASHM_WRITE);
}

/*
 * The ioctl is left out exactly while nobody is attached.
 */

static void bracket(struct dmashm_buffer *buf, unsigned int access)
{
	if (dmashm_begin(buf, access, DMASHM_NEVER) || dmashm_end(buf, access))
		syscall(SYS_exit, 1);
}

static void read_and_write(struct dmashm_buffer *buf)
{
	bracket(buf, DMASHM_READ);
	bracket(buf, DMASHM_WRITE);
}

static void only_begin_read(struct dmashm_buffer *buf)
{
	dmashm_begin(buf, DMASHM_READ, DMASHM_NEVER);
}

static bool syncs(struct dmashm_buffer *buf)
{
	return !without_system_calls(only_begin_read, buf);
}

/* Attached is enough, for it may map at any time; mapped or not is the same. */
TEST(the_ioctl_is_left_out_while_nobody_is_attached)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int a = open_edu(), b = open_edu(), fd = dmashm_fd(buf), i;
	int other = export_dmabuf(fd, O_RDWR), view = export_view(fd);

	for (i = 0; i < 5; i++) {
		ASSERT(without_system_calls(read_and_write, buf));
		ASSERT_EQ(ioctl(a, EDU_IOC_ATTACH, &other), 0);
		ASSERT(syncs(buf));
		ASSERT_EQ(map_edu(a, EDU_BIDIRECTIONAL, EDU_MAP_BY_CPU), 0);
		ASSERT(syncs(buf));
		ASSERT_EQ(ioctl(b, EDU_IOC_ATTACH, &view), 0);
		ASSERT_EQ(unmap_edu(a), 0);
		ASSERT_EQ(ioctl(a, EDU_IOC_DETACH), 0);
		ASSERT(syncs(buf));
		ASSERT_EQ(ioctl(b, EDU_IOC_DETACH), 0);
		ASSERT(without_system_calls(read_and_write, buf));
	}
}

/*
 * Load
 */

/* Where the k-th writer has its number; the device's page is the last one. */
#define WRITERS		2
#define PLACE(k)	((size_t)(k) * 4096 + 128)
#define DEVICE_PLACE	((size_t)(PAGES - 1) * 4096)
enum { SUM = 3, TURNS = 4 };	/* events; those of the writers follow */

/*
 * A writer adds one to a number of its own, in the data, and one to a sum that
 * all share, in the words, by plain loads and stores: the barrier is all that
 * keeps it.
 */
static void add(struct dmashm_buffer *buf, int k)
{
	uint8_t *data = map_buffer(buf);
	uint32_t n = 0, device;

	while (!load(dmashm_event(buf, STOP))) {
		volatile uint32_t *sum = dmashm_event(buf, SUM);

		device = load(dmashm_event(buf, BY_DEVICE));
		ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
		ASSERT_EQ(get_pair(data, PLACE(k)), n);
		if (get_pair(data, DEVICE_PLACE) < device)
			FAIL("the device wrote %u, there is %llu", device,
			     (unsigned long long)get_pair(data, DEVICE_PLACE));
		put_pair(data, PLACE(k), ++n);
		*sum = *sum + 1;
		ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
		store(dmashm_event(buf, TURNS + k), n);
	}
}

/* A reader: numbers are whole, and never go back. */
static void look(struct dmashm_buffer *buf)
{
	uint8_t *data = map_buffer(buf);
	uint64_t last[WRITERS] = { 0 }, last_device = 0;

	while (!load(dmashm_event(buf, STOP))) {
		uint32_t device = load(dmashm_event(buf, BY_DEVICE));
		int k;

		ASSERT_EQ(dmashm_begin(buf, DMASHM_READ, DMASHM_NEVER), 0);
		for (k = 0; k < WRITERS; k++) {
			uint64_t n = get_pair(data, PLACE(k));

			ASSERT(n >= last[k]);
			last[k] = n;
		}
		ASSERT(get_pair(data, DEVICE_PLACE) >= device);
		ASSERT(get_pair(data, DEVICE_PLACE) >= last_device);
		last_device = get_pair(data, DEVICE_PLACE);
		ASSERT_EQ(dmashm_end(buf, DMASHM_READ), 0);
	}
}

/* The kernel's way in: read on a member fd. */
static void read_by_member(struct dmashm_buffer *buf)
{
	int member = join_by(dmashm_member_fd(buf), NULL);
	struct pair pair;

	while (!load(dmashm_event(buf, STOP))) {
		uint32_t n = load(dmashm_event(buf, TURNS));

		ASSERT_EQ(pread(member, &pair, sizeof(pair), PLACE(0)), sizeof(pair));
		ASSERT(is_pair(pair));
		ASSERT(pair.value >= n);
	}
}

/*
 * One turn of the device: it comes, looks at what has been written, writes in its
 * turn, with the barrier held, and goes: while it is held, or in the middle of
 * what others do.
 */
static void device_turn(struct dmashm_buffer *buf, int edu, int fd, uint32_t round)
{
	int k;

	ASSERT_EQ(ioctl(edu, EDU_IOC_ATTACH, &fd), 0);
	ASSERT_EQ(map_edu(edu, EDU_BIDIRECTIONAL, EDU_MAP_BY_CPU), 0);
	for (k = 0; k < WRITERS; k++) {
		uint32_t n = load(dmashm_event(buf, TURNS + k));

		ASSERT(device_reads_pair(edu, PLACE(k)) >= n);
	}
	ASSERT_EQ(dmashm_lock(buf), 0);
	device_writes_pair(edu, DEVICE_PLACE, round);
	if (round % 2)
		ASSERT_EQ(unmap_edu(edu), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	store(dmashm_event(buf, BY_DEVICE), round);
	if (round % 3 == 0)
		sched_yield();
	if (round % 4)
		ASSERT_EQ(ioctl(edu, EDU_IOC_DETACH), 0);
	else
		close(edu);
}

TEST_LIMIT(devices_come_and_go_under_load, 80)
{
	enum { ROUNDS = 50, MS = 10000, CHILDREN = WRITERS + 2 };
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int fds[3] = { dmashm_fd(buf), export_dmabuf(dmashm_fd(buf), O_RDWR), dmashm_fd(buf) };
	pid_t pids[CHILDREN];
	uint64_t enough = in_ms(MS);
	uint32_t round, sum = 0;
	int edu, i;

	for (i = 0; i < CHILDREN; i++) {
		pids[i] = start_child();
		if (pids[i])
			continue;
		if (i < WRITERS)
			add(buf, i);
		else if (i == WRITERS)
			look(buf);
		else
			read_by_member(buf);
		_exit(0);
	}
	edu = open_edu();	/* not theirs: its last close is to be ours */
	for (round = 1; round <= ROUNDS || now_ns() < enough; round++) {
		device_turn(buf, edu, fds[round % 3], round);
		if (round % 4 == 0)
			edu = open_edu();
	}
	store(dmashm_event(buf, STOP), 1);
	for (i = 0; i < CHILDREN; i++)
		wait_child(pids[i]);
	for (i = 0; i < WRITERS; i++)
		sum += load(dmashm_event(buf, TURNS + i));
	ASSERT_EQ(load(dmashm_event(buf, SUM)), sum);
	ASSERT(sum > 0);
	ASSERT_EQ(get_pair(map_buffer(buf), DEVICE_PLACE), round - 1);
	printf("# %u rounds of the device, %u of the writers\n", round - 1, sum);
	fflush(stdout);
}
