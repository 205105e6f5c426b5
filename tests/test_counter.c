// SPDX-License-Identifier: MIT
/*
 * Mutual exclusion between two user processes and a kernel thread: each adds
 * to one counter in the buffer, by a plain read and a plain write.
 */
#include <sched.h>

#include "uapi.h"

#define ROUNDS ktap_rounds(100000)

/* By the protocol of the UAPI header, in as few lines as it takes. */
static void lock_word(int member, uint32_t *word, uint32_t held)
{
	uint32_t old = 0;

	if (!__atomic_compare_exchange_n(word, &old, held, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		ASSERT_EQ(lock_until(member, DMASHM_NEVER), 0);
}

static void unlock_word(int member, uint32_t *word, uint32_t held)
{
	if (!__atomic_compare_exchange_n(word, &held, 0, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		ASSERT_EQ(unlock(member), 0);
}

enum how { NOT, BY_WORD, BY_IOCTL };

/* What lies in the buffer. */
struct shared {
	uint64_t counter;	/* first: the kernel adds at offset 0 */
	uint32_t start;		/* set when all may begin, so that they overlap */
};

static void add(int fd, enum how how)
{
	struct shared *shared = (struct shared *)map_data(fd, page_size());
	volatile uint64_t *counter = &shared->counter;
	uint32_t id, *word;
	int member = join_id(fd, &id), i;

	word = map_words(member);
	while (!load(&shared->start))
		sched_yield();
	for (i = 0; i < ROUNDS; i++) {
		uint64_t value;

		if (how == BY_WORD)
			lock_word(member, word, DMASHM_HELD(id));
		else if (how == BY_IOCTL)
			ASSERT_EQ(lock_until(member, DMASHM_NEVER), 0);
		value = *counter;
		/* Time for others to come between, if they can: on one CPU too. */
		if (i % 1000 == 0)
			usleep(1);
		*counter = value + 1;
		if (how == BY_WORD)
			unlock_word(member, word, DMASHM_HELD(id));
		else if (how == BY_IOCTL)
			ASSERT_EQ(unlock(member), 0);
	}
}

static uint64_t count(enum how how)
{
	struct tester_count arg = { .rounds = ROUNDS, .guarded = how != NOT };
	int fd = create(1), tester = open_tester(fd), i;
	struct shared *shared = (struct shared *)map_data(fd, page_size());
	pid_t pid[2];

	for (i = 0; i < 2; i++) {
		pid[i] = start_child();
		if (!pid[i]) {
			add(fd, how);
			_exit(0);
		}
	}
	sleep_ms(100);
	store(&shared->start, 1);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_COUNT, &arg), 0);
	for (i = 0; i < 2; i++)
		wait_child(pid[i]);
	printf("# %llu of %d\n", (unsigned long long)shared->counter, 3 * ROUNDS);
	fflush(stdout);
	return shared->counter;
}

TEST_LIMIT(two_processes_and_the_kernel_lose_nothing, 120)
{
	ASSERT_EQ(count(BY_WORD), 3 * ROUNDS);
}

TEST_LIMIT(nor_do_they_with_the_lock_by_ioctl, 120)
{
	ASSERT_EQ(count(BY_IOCTL), 3 * ROUNDS);
}

/* Without the barrier the same code does lose some: the tests can fail. */
TEST_LIMIT(without_the_barrier_they_do, 120)
{
	int tries;

	for (tries = 0; tries < 10; tries++)
		if (count(NOT) < 3ull * (uint64_t)ROUNDS)
			return;
	FAIL("nothing was lost in %d runs without the barrier", tries);
}
