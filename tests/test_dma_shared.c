// SPDX-License-Identifier: MIT
/*
 * Bounced mappings are copies of the whole buffer. So whatever is copied back
 * when a device goes, or another one is synchronised, could put something older
 * over what the CPU or another device wrote.
 */
#include "edu.h"
#include "library.h"

#define SIZE	(256 << 10)
#define AT	(5 * 4096 + 1016)
#define ELSE	(9 * 4096 + 24)

/*
 * The importer's table
 */

/* RDMA's core cuts the table to its region, in place. */
TEST(a_table_that_the_importer_cuts)
{
	int fd = create(SIZE), edu = attach_edu(fd);
	uint8_t *data = map_data(fd, SIZE);

	ASSERT_EQ(map_edu(edu, EDU_BIDIRECTIONAL, EDU_MAP_BY_CPU | EDU_MAP_TRIM), 0);
	device_writes(edu, AT, 1);
	device_writes(edu, SIZE - 8, 2);
	ASSERT_EQ(read_bracket(fd, data, AT), 1);
	ASSERT_EQ(read_bracket(fd, data, SIZE - 8), 2);
	write_bracket(fd, data, 0, 3);
	write_bracket(fd, data, SIZE - 8, 4);
	ASSERT_EQ(device_reads(edu, SIZE - 8), 4);
	ASSERT_EQ(unmap_edu(edu), 0);
	ASSERT_EQ(cpu_reads(data, 0), 3);
	ASSERT_EQ(cpu_reads(data, SIZE - 8), 4);
}

/*
 * A device that goes in the middle of a write by the CPU
 */

TEST(a_device_goes_in_the_middle_of_a_bracket)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = device(dmashm_fd(buf), EDU_BIDIRECTIONAL);
	uint8_t *data = map_buffer(buf);

	device_writes(edu, ELSE, 1);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
	cpu_writes(data, AT, 2);
	close(edu);
	ASSERT_EQ(cpu_reads(data, AT), 2);
	ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
	ASSERT_EQ(cpu_reads(data, AT), 2);
	ASSERT_EQ(cpu_reads(data, ELSE), 1);
}

/* Beside a bracket around a part, a device that goes gives back what it wrote. */
TEST(a_device_goes_in_the_middle_of_a_bracket_around_a_part)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = device(dmashm_fd(buf), EDU_BIDIRECTIONAL);
	uint8_t *data = map_buffer(buf);

	ASSERT_EQ(dmashm_begin_range(buf, DMASHM_WRITE, AT, 8, DMASHM_NEVER), 0);
	cpu_writes(data, AT, 2);
	device_writes(edu, 0, 3);
	device_writes(edu, AT - 512, 4);
	device_writes(edu, AT + 512, 5);
	device_writes(edu, SIZE - 8, 6);
	close(edu);
	ASSERT_EQ(cpu_reads(data, AT), 2);
	ASSERT_EQ(dmashm_end_range(buf, DMASHM_WRITE, AT, 8), 0);
	ASSERT_EQ(cpu_reads(data, AT), 2);
	ASSERT_EQ(cpu_reads(data, 0), 3);
	ASSERT_EQ(cpu_reads(data, AT - 512), 4);
	ASSERT_EQ(cpu_reads(data, AT + 512), 5);
	ASSERT_EQ(cpu_reads(data, SIZE - 8), 6);
}

/* What a bracket that is over has left does not count. */
TEST(a_device_goes_after_a_bracket)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = device(dmashm_fd(buf), EDU_BIDIRECTIONAL);
	uint8_t *data = map_buffer(buf);

	ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
	cpu_writes(data, AT, 1);
	ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_READ, DMASHM_NEVER), 0);
	device_writes(edu, AT + 8, 2);
	close(edu);
	ASSERT_EQ(dmashm_end(buf, DMASHM_READ), 0);
	ASSERT_EQ(cpu_reads(data, AT), 1);
	ASSERT_EQ(cpu_reads(data, AT + 8), 2);
}

TEST(a_device_comes_and_goes_in_the_middle_of_a_bracket)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	uint8_t *data = map_buffer(buf);
	int edu;

	ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
	edu = device(dmashm_fd(buf), EDU_BIDIRECTIONAL);
	cpu_writes(data, AT, 2);
	close(edu);
	ASSERT_EQ(cpu_reads(data, AT), 2);
	ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
}

/* A bracket that ended without END, for its device had gone, is over all the same. */
TEST(a_device_comes_after_a_bracket_whose_device_had_gone)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = device(dmashm_fd(buf), EDU_BIDIRECTIONAL);
	uint8_t *data = map_buffer(buf);

	ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
	close(edu);
	ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
	ASSERT_EQ(dmashm_lock(buf), 0);
	edu = device(dmashm_fd(buf), EDU_BIDIRECTIONAL);
	device_writes(edu, AT, 3);
	close(edu);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(cpu_reads(data, AT), 3);
}

/* The same of who says START to no device, by the bare ioctls. */
TEST(a_device_comes_and_goes_between_start_and_end)
{
	int fd = create(SIZE), member = join(fd), edu;
	uint8_t *data = map_data(fd, SIZE);

	ASSERT_EQ(try_lock(member), 0);
	start(fd, DMA_BUF_SYNC_RW);
	edu = device(fd, EDU_BIDIRECTIONAL);
	cpu_writes(data, AT, 2);
	close(edu);
	ASSERT_EQ(cpu_reads(data, AT), 2);
	end(fd, DMA_BUF_SYNC_RW);
	ASSERT_EQ(unlock(member), 0);
}

/* The writer finds what it wrote before; devices come and go all the time. */
TEST_LIMIT(no_write_is_undone_by_a_device_that_goes, 120)
{
	enum { STOP = 0 };
	const int rounds = ktap_rounds(3000);
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = open_edu(), fd = dmashm_fd(buf), i;
	uint8_t *data = map_buffer(buf);
	pid_t pid = start_child();
	uint64_t n;

	for (n = 0; !pid && !load(dmashm_event(buf, STOP)); n++) {
		ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
		ASSERT_EQ(cpu_reads(data, AT), n);
		cpu_writes(data, AT, n + 1);
		ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
	}
	if (!pid)
		_exit(0);
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(ioctl(edu, EDU_IOC_ATTACH, &fd), 0);
		ASSERT_EQ(map_edu(edu, EDU_BIDIRECTIONAL, EDU_MAP_BY_CPU), 0);
		ASSERT_EQ(ioctl(edu, EDU_IOC_DETACH), 0);
	}
	store(dmashm_event(buf, STOP), 1);
	wait_child(pid);
}

/*
 * Who writes says so as soon as he has the barrier. What a device wrote before is
 * not his yet: when it goes before START has fetched that, it gives it back.
 */
TEST(a_device_goes_just_before_start)
{
	int fd = create(SIZE), edu = device(fd, EDU_BIDIRECTIONAL), member;
	uint8_t *data = map_data(fd, SIZE);
	uint32_t *slot;

	member = join(fd);
	slot = map_words(member) + DMASHM_OFF_SLOT(slot_of(member)) / 4;
	device_writes(edu, AT, 1);
	/* What dmashm_begin() does, but for the last step. */
	ASSERT_EQ(try_lock(member), 0);
	store(slot + DMASHM_SLOT_WRITES / 4, 1);
	close(edu);
	start(fd, DMA_BUF_SYNC_RW);
	ASSERT_EQ(cpu_reads(data, AT), 1);
}

/* A device that maps for each transfer, beside a bracket around a part. */
TEST(a_device_comes_and_goes_beside_a_bracket_around_a_part)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = attach_edu(dmashm_fd(buf));
	uint8_t *data = map_buffer(buf);

	ASSERT_EQ(dmashm_begin_range(buf, DMASHM_WRITE, AT, 8, DMASHM_NEVER), 0);
	ASSERT_EQ(map_edu(edu, EDU_BIDIRECTIONAL, EDU_MAP_BY_CPU), 0);
	cpu_writes(data, AT, 1);
	device_writes(edu, ELSE, 7);
	ASSERT_EQ(unmap_edu(edu), 0);
	ASSERT_EQ(cpu_reads(data, AT), 1);
	ASSERT_EQ(dmashm_end_range(buf, DMASHM_WRITE, AT, 8), 0);
	ASSERT_EQ(cpu_reads(data, AT), 1);
	ASSERT_EQ(cpu_reads(data, ELSE), 7);
}

/* Of one who died between START and END: what the device then writes is its own. */
TEST(a_device_goes_after_a_writer_died)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = device(dmashm_fd(buf), EDU_BIDIRECTIONAL);
	uint8_t *data = map_buffer(buf);
	pid_t pid = start_child();

	if (!pid) {
		ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(10 * SECOND)), -EOWNERDEAD);
	ASSERT_EQ(dmashm_recover(buf), 0);
	device_writes(edu, AT, 7);
	close(edu);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(cpu_reads(data, AT), 7);
}

#define CHUNK	DMASHM_IO_CHUNK

/* Writes, then reads what it wrote; devices come and go all the time. */
static void write_by_call(struct dmashm_buffer *buf)
{
	static uint64_t chunk[CHUNK / 8], seen[CHUNK / 8];
	int member = join_by(dmashm_member_fd(buf), NULL);
	uint64_t n;
	size_t i;

	for (n = 1; !load(dmashm_event(buf, 0)); n++) {
		for (i = 0; i < CHUNK / 8; i++)
			chunk[i] = n;
		ASSERT_EQ(pwrite(member, chunk, CHUNK, CHUNK), CHUNK);
		ASSERT_EQ(pread(member, seen, CHUNK, CHUNK), CHUNK);
		ASSERT_EQ(memcmp(seen, chunk, CHUNK), 0);
	}
}

TEST_LIMIT(no_write_by_a_call_is_undone_by_a_device_that_goes, 120)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int edu = attach_edu(dmashm_fd(buf)), i;
	uint64_t enough = in_ms(8000);
	pid_t pid = start_child();

	if (!pid) {
		write_by_call(buf);
		_exit(0);
	}
	for (i = 0; i < 2000 || now_ns() < enough; i++) {
		ASSERT_EQ(map_edu(edu, EDU_BIDIRECTIONAL, EDU_MAP_BY_CPU), 0);
		ASSERT_EQ(unmap_edu(edu), 0);
	}
	store(dmashm_event(buf, 0), 1);
	wait_child(pid);
}

/* Who holds the barrier for a device, and not for the CPU, gets its data. */
TEST(a_device_comes_writes_and_goes_while_the_barrier_is_held)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	uint8_t *data = map_buffer(buf);
	int edu;

	ASSERT_EQ(dmashm_lock(buf), 0);
	edu = device(dmashm_fd(buf), EDU_BIDIRECTIONAL);
	device_writes(edu, AT, 3);
	close(edu);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(cpu_reads(data, AT), 3);
}

/*
 * A mapping for a device that only writes
 */

TEST(what_the_cpu_wrote_stays_beside_a_device_that_only_writes)
{
	int fd = create(SIZE), edu = device(fd, EDU_FROM_DEVICE);
	uint8_t *data = map_data(fd, SIZE);

	write_bracket(fd, data, AT, 1);
	ASSERT_EQ(read_bracket(fd, data, AT), 1);
	device_writes(edu, ELSE, 2);
	ASSERT_EQ(read_bracket(fd, data, ELSE), 2);
	ASSERT_EQ(cpu_reads(data, AT), 1);
	ASSERT_EQ(unmap_edu(edu), 0);
	ASSERT_EQ(cpu_reads(data, AT), 1);
}
