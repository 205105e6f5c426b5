// SPDX-License-Identifier: MIT
/*
 * Who writes excludes all, who reads excludes who writes: processes and a
 * kernel thread, all of them both, on one record of many words.
 */
#include "library.h"

#define ROUNDS ktap_rounds(4000)

static uint32_t next_random(uint32_t *random)
{
	*random = *random * 1664525 + 1013904223;
	return *random >> 16;
}

/* Plain accesses, word by word: what the barrier is for. */
static void write_record(volatile uint64_t *record)
{
	uint64_t value = record[0] + 1;
	int i;

	for (i = 0; i < TESTER_RECORD; i++)
		record[i] = value;
}

static bool is_torn(volatile const uint64_t *record)
{
	uint64_t value = record[0];
	int i;

	for (i = TESTER_RECORD - 1; i; i--)
		if (record[i] != value)
			return true;
	return false;
}

/* One of the processes; how many of its rounds wrote. */
static uint64_t take_part(struct dmashm_buffer *buf, volatile uint64_t *record, uint32_t random)
{
	uint64_t written = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		bool write = next_random(&random) % 4 == 0;
		unsigned int access = write ? DMASHM_WRITE : DMASHM_READ;

		if (next_random(&random) % 8 == 0) {
			if (dmashm_begin(buf, access, dmashm_deadline(next_random(&random))))
				continue;
		} else {
			ASSERT_EQ(dmashm_begin(buf, access, dmashm_deadline(30 * SECOND)), 0);
		}
		ASSERT(!is_torn(record));
		if (write)
			write_record(record);
		written += write;
		ASSERT_EQ(dmashm_end(buf, access), 0);
	}
	return written;
}

static void exclude(int processes)
{
	struct dmashm_buffer *buf = new_buffer(1);
	volatile uint64_t *record = map_buffer(buf);
	struct tester_record arg = { .rounds = ROUNDS, .guarded = 1 };
	int tester = open_tester(dmashm_fd(buf)), i;
	uint64_t written = 0;
	pid_t pid[8];

	for (i = 0; i < processes; i++) {
		pid[i] = start_child();
		if (!pid[i]) {
			uint64_t mine = take_part(buf, record, (uint32_t)i);

			__atomic_fetch_add(dmashm_event(buf, 0), (uint32_t)mine, __ATOMIC_SEQ_CST);
			_exit(0);
		}
	}
	ASSERT_EQ(ioctl(tester, TESTER_IOC_RECORD, &arg), 0);
	for (i = 0; i < processes; i++)
		wait_child(pid[i]);
	written = load(dmashm_event(buf, 0)) + arg.written;
	printf("# %llu written, of them %u by the kernel\n", (unsigned long long)written, arg.written);
	fflush(stdout);
	ASSERT(arg.written > 0);
	ASSERT_EQ(arg.torn, 0);
	ASSERT_EQ(record[0], written);
	ASSERT(!is_torn(record));
	ASSERT_EQ(load(words_of(buf)), 0);
}

TEST_LIMIT(two_processes_and_the_kernel, 120) { exclude(2); }
TEST_LIMIT(four_processes_and_the_kernel, 120) { exclude(4); }
TEST_LIMIT(eight_processes_and_the_kernel, 240) { exclude(8); }

/* The detector detects: without the barrier a record is torn. */
TEST_LIMIT(without_the_barrier_it_is_torn, 120)
{
	struct dmashm_buffer *buf = new_buffer(1);
	volatile uint64_t *record = map_buffer(buf);
	struct tester_record arg = { .rounds = (uint32_t)ktap_rounds(200000) };
	int tester = open_tester(dmashm_fd(buf)), tries;
	pid_t pid = start_child();

	if (!pid) {
		for (;;)
			write_record(record);
	}
	for (tries = 0; tries < 20 && !arg.torn; tries++)
		ASSERT_EQ(ioctl(tester, TESTER_IOC_RECORD, &arg), 0);
	kill_child(pid);
	ASSERT(arg.torn > 0);
}
