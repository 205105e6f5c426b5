// SPDX-License-Identifier: MIT
/* The barrier taken shared, by ioctl, by hand and by the kernel. */
#include "uapi.h"

static uint32_t *slot_word(uint32_t *words, int member)
{
	return &words[DMASHM_OFF_SLOT(slot_of(member)) / 4];
}

static uint32_t map_bit(const uint32_t *words, int member)
{
	uint32_t slot = slot_of(member);

	return load(&words[DMASHM_OFF_READERS / 4 + slot / 32]) >> slot % 32 & 1;
}

static uint32_t kernel_bit(const uint32_t *words)
{
	return load(&words[DMASHM_OFF_READERS / 4 + 1]) & DMASHM_READERS_KERNEL;
}

/* A child that joins and takes it shared, says so and stays. */
static pid_t start_reader(int member)
{
	int ends[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(pipe(ends), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(try_lock_shared(join_by(member, NULL)), 0);
		ASSERT_EQ(write(ends[1], "x", 1), 1);
		for (;;)
			pause();
	}
	close(ends[1]);
	ASSERT_EQ(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

/* A child that asks for it, exclusively or not, and ends once it has it. */
static pid_t start_locker(int member, bool shared)
{
	pid_t pid = start_child();

	if (!pid) {
		int own = join_by(member, NULL);

		if (shared)
			ASSERT_EQ(lock_shared_until(own, in_ms(30000)), 0);
		else
			ASSERT_EQ(lock_until(own, in_ms(30000)), 0);
		ASSERT_EQ(shared ? unlock_shared(own) : unlock(own), 0);
		_exit(0);
	}
	return pid;
}

static void word_becomes(const uint32_t *words, uint32_t mask, uint32_t value)
{
	uint64_t late = in_ms(20000);

	while ((load(words) & mask) != value) {
		ASSERT(now_ns() < late);
		sleep_ms(1);
	}
}

TEST(many_share_it)
{
	int fd = create(1), a = join(fd), b = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(a);

	ASSERT_EQ(map_bit(words, a), 0);
	ASSERT_EQ(try_lock_shared(a), 0);
	ASSERT_EQ(try_lock_shared(b), 0);
	ASSERT_EQ(lock_shared_until(b, 0), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_TRYLOCK_SHARED), 0);
	ASSERT_EQ(load(slot_word(words, a)), 1);
	ASSERT_EQ(load(slot_word(words, b)), 2);
	ASSERT_EQ(map_bit(words, a), 1);
	ASSERT_EQ(map_bit(words, b), 1);
	ASSERT_EQ(kernel_bit(words), DMASHM_READERS_KERNEL);
	ASSERT_EQ(load(words), 0);
	ASSERT_EQ(unlock_shared(a), 0);
	ASSERT_EQ(unlock_shared(b), 0);
	ASSERT_EQ(unlock_shared(b), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK_SHARED), 0);
	ASSERT_EQ(kernel_bit(words), 0);
	ASSERT_EQ(try_lock(a), 0);
}

TEST(who_is_not_in_cannot_come_out)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);

	ASSERT_ERRNO(unlock_shared(member), EPERM);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_UNLOCK_SHARED), EPERM);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_ERRNO(unlock_shared(member), EPERM);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(try_lock_shared(member), 0);
	ASSERT_ERRNO(unlock(member), EPERM);
	ASSERT_ERRNO(recover(member), EPERM);
	ASSERT_EQ(unlock_shared(member), 0);
	ASSERT_ERRNO(unlock_shared(member), EPERM);
}

TEST(readers_and_a_holder_exclude_each_other)
{
	int fd = create(1), a = join(fd), b = join(fd), tester = open_tester(fd);
	uint64_t soon;

	ASSERT_EQ(try_lock_shared(a), 0);
	ASSERT_ERRNO(try_lock(b), EBUSY);
	ASSERT_ERRNO(try_lock(a), EBUSY);
	ASSERT_ERRNO(lock_until(b, in_ms(30)), ETIMEDOUT);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_TRYLOCK), EBUSY);
	soon = in_ms(30);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_LOCK, &soon), ETIMEDOUT);
	ASSERT_EQ(unlock_shared(a), 0);
	ASSERT_EQ(try_lock(a), 0);
	ASSERT_ERRNO(try_lock_shared(b), EBUSY);
	ASSERT_ERRNO(try_lock_shared(a), EBUSY);
	ASSERT_ERRNO(lock_shared_until(b, in_ms(30)), ETIMEDOUT);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_TRYLOCK_SHARED), EBUSY);
	soon = in_ms(30);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_LOCK_SHARED, &soon), ETIMEDOUT);
	ASSERT_EQ(unlock(a), 0);
	ASSERT_EQ(try_lock_shared(b), 0);
}

TEST(the_kernel_reads_and_writes_by_the_same_rule)
{
	int fd = create(1), member = join(fd), first = open_tester(fd), second = open_tester(fd);
	uint32_t *words = map_words(member);

	ASSERT_EQ(ioctl(first, TESTER_IOC_TRYLOCK_SHARED), 0);
	ASSERT_EQ(ioctl(second, TESTER_IOC_TRYLOCK_SHARED), 0);
	ASSERT_ERRNO(ioctl(second, TESTER_IOC_TRYLOCK), EBUSY);
	ASSERT_ERRNO(try_lock(member), EBUSY);
	ASSERT_EQ(ioctl(first, TESTER_IOC_UNLOCK_SHARED), 0);
	ASSERT_EQ(kernel_bit(words), DMASHM_READERS_KERNEL);
	ASSERT_ERRNO(try_lock(member), EBUSY);
	ASSERT_EQ(ioctl(second, TESTER_IOC_UNLOCK_SHARED), 0);
	ASSERT_EQ(ioctl(first, TESTER_IOC_TRYLOCK), 0);
	ASSERT_ERRNO(ioctl(second, TESTER_IOC_TRYLOCK_SHARED), EBUSY);
	ASSERT_ERRNO(try_lock_shared(member), EBUSY);
	ASSERT_EQ(ioctl(first, TESTER_IOC_UNLOCK), 0);
	ASSERT_EQ(load(words), 0);
}

/* What was taken by hand is given back by ioctl, and the reverse. */
TEST(both_ways_of_sharing_are_one)
{
	int member = join(create(1));
	uint32_t *words = map_words(member), *slot = slot_word(words, member);

	store(slot, 1);
	ASSERT_ERRNO(try_lock(join_by(member, NULL)), EBUSY);
	ASSERT_EQ(unlock_shared(member), 0);
	ASSERT_EQ(load(slot), 0);
	ASSERT_EQ(try_lock_shared(member), 0);
	store(slot, 0);
	ASSERT_EQ(try_lock(member), 0);
}

TEST(a_writer_waits_for_the_readers)
{
	int member = join(create(1));
	uint32_t *words = map_words(member), *slot = slot_word(words, member);
	pid_t pid;

	ASSERT_EQ(try_lock_shared(member), 0);
	pid = start_locker(member, false);
	word_becomes(slot, DMASHM_SLOT_DRAIN, DMASHM_SLOT_DRAIN);
	sleep_ms(100);
	ASSERT_EQ(waitpid(pid, NULL, WNOHANG), 0);
	ASSERT_EQ(unlock_shared(member), 0);
	wait_child(pid);
	ASSERT_EQ(load(slot), 0);
	ASSERT_EQ(load(words), 0);
}

/* The door is closed while a writer waits: no stream of readers starves it. */
TEST(nobody_comes_in_while_a_writer_waits)
{
	int fd = create(1), member = join(fd), other = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(member);
	pid_t pid;

	ASSERT_EQ(try_lock_shared(member), 0);
	pid = start_locker(member, false);
	word_becomes(slot_word(words, member), DMASHM_SLOT_DRAIN, DMASHM_SLOT_DRAIN);
	ASSERT_ERRNO(try_lock_shared(other), EBUSY);
	ASSERT_ERRNO(try_lock_shared(member), EBUSY);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_TRYLOCK_SHARED), EBUSY);
	ASSERT_EQ(unlock_shared(member), 0);
	wait_child(pid);
	ASSERT_EQ(try_lock_shared(other), 0);
}

TEST(a_writer_that_gives_up_opens_the_door)
{
	int fd = create(1), member = join(fd), other = join(fd);
	uint32_t *words = map_words(member);

	ASSERT_EQ(try_lock_shared(member), 0);
	ASSERT_ERRNO(lock_until(other, in_ms(50)), ETIMEDOUT);
	ASSERT_EQ(load(words), 0);
	ASSERT_EQ(try_lock_shared(other), 0);
	/* The mark that it left is taken off by the kernel. */
	ASSERT_EQ(unlock_shared(member), 0);
	ASSERT_EQ(load(slot_word(words, member)), 0);
}

TEST(a_writer_that_is_killed_while_it_waits_leaves_no_mark)
{
	int member = join(create(1));
	uint32_t *words = map_words(member);
	pid_t pid;

	ASSERT_EQ(try_lock_shared(member), 0);
	pid = start_locker(member, false);
	word_becomes(slot_word(words, member), DMASHM_SLOT_DRAIN, DMASHM_SLOT_DRAIN);
	kill_child(pid);
	word_becomes(words, ~0u, 0);
	ASSERT_EQ(unlock_shared(member), 0);
	ASSERT_EQ(try_lock(member), 0);
}

TEST(sleeping_readers_all_come_in)
{
	int member = join(create(1)), i;
	uint32_t *words = map_words(member);
	pid_t pid[5];

	ASSERT_EQ(try_lock(member), 0);
	for (i = 0; i < 5; i++)
		pid[i] = start_locker(member, i != 2);
	word_becomes(words, DMASHM_WAITERS, DMASHM_WAITERS);
	sleep_ms(500);
	ASSERT_EQ(unlock(member), 0);
	for (i = 0; i < 5; i++)
		wait_child(pid[i]);
	ASSERT_EQ(load(words), 0);
}

TEST(a_sleeping_kernel_reader_comes_in)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(member);
	pid_t pid;

	ASSERT_EQ(try_lock(member), 0);
	pid = start_child();
	if (!pid) {
		uint64_t deadline = in_ms(20000);

		ASSERT_EQ(ioctl(tester, TESTER_IOC_LOCK_SHARED, &deadline), 0);
		ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK_SHARED), 0);
		_exit(0);
	}
	word_becomes(words, DMASHM_WAITERS, DMASHM_WAITERS);
	ASSERT_EQ(unlock(member), 0);
	wait_child(pid);
	ASSERT_EQ(load(words), 0);
}

TEST(a_kernel_writer_waits_for_readers_and_can_be_killed)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd), round;
	uint32_t *words = map_words(member);

	for (round = 0; round < 2; round++) {
		pid_t pid;

		ASSERT_EQ(try_lock_shared(member), 0);
		pid = start_child();
		if (!pid) {
			uint64_t never = DMASHM_NEVER;

			ASSERT_EQ(ioctl(tester, TESTER_IOC_LOCK, &never), 0);
			ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
			_exit(0);
		}
		word_becomes(slot_word(words, member), DMASHM_SLOT_DRAIN, DMASHM_SLOT_DRAIN);
		if (round)
			kill_child(pid);
		ASSERT_EQ(unlock_shared(member), 0);
		if (!round)
			wait_child(pid);
		word_becomes(words, ~0u, 0);
	}
}

TEST(lockers_that_give_up_leave_no_trace)
{
	int fd = create(1), member = join(fd), other = join(fd), i;
	uint32_t *words = map_words(member);

	ASSERT_EQ(try_lock(member), 0);
	for (i = 0; i < 3; i++) {
		ASSERT_ERRNO(lock_until(other, in_ms(5)), ETIMEDOUT);
		ASSERT_ERRNO(lock_shared_until(other, in_ms(5)), ETIMEDOUT);
	}
	ASSERT_EQ(load(words) & 0xff, DMASHM_KIND_USER);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(load(words), 0);
	ASSERT_EQ(load(slot_word(words, other)), 0);
}

/*
 * Death
 */

TEST(a_reader_that_dies_leaves_no_mark)
{
	int member = join(create(1));
	uint32_t *words = map_words(member), i;

	kill_child(start_reader(member));
	ASSERT_EQ(lock_until(member, in_ms(20000)), 0);
	/* Nothing is left of it. */
	for (i = DMASHM_OFF_SLOTS / 4; i < DMASHM_WORDS_SIZE / 4; i++)
		ASSERT_EQ(load(&words[i]), 0);
	ASSERT_EQ(load(&words[DMASHM_OFF_READERS / 4]), 0);
}

TEST(a_sleeping_writer_learns_of_a_readers_death)
{
	int member = join(create(1));
	uint32_t *words = map_words(member);
	pid_t reader = start_reader(member), pid = start_locker(member, false);

	word_becomes(words, DMASHM_KIND_MASK, DMASHM_KIND_USER);
	sleep_ms(100);
	ASSERT_EQ(waitpid(pid, NULL, WNOHANG), 0);
	kill_child(reader);
	wait_child(pid);
}

TEST(readers_see_the_mark_and_cannot_take_it_off)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(member);

	store(words, DMASHM_HELD(4711));
	ASSERT_ERRNO(try_lock_shared(member), EOWNERDEAD);
	ASSERT_ERRNO(recover(member), EPERM);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_TRYLOCK_SHARED), EOWNERDEAD);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_RECOVER), EPERM);
	ASSERT_EQ(unlock_shared(member), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK_SHARED), 0);
	ASSERT_ERRNO(try_lock(member), EOWNERDEAD);
	ASSERT_EQ(recover(member), 0);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(try_lock_shared(member), 0);
}

/* What a slot holds goes with its member, whatever it is. */
TEST(a_slot_is_wiped_when_its_member_leaves)
{
	int fd = create(1), member = join(fd), other = join(fd), i;
	uint32_t *words = map_words(member), *slot = slot_word(words, other);

	for (i = 0; i < DMASHM_SLOT_SIZE / 4; i++)
		store(&slot[i], ~0u);
	close(other);
	for (i = 0; i < DMASHM_SLOT_SIZE / 4; i++)
		ASSERT_EQ(load(&slot[i]), 0);
	store(&slot[7], 1);
	other = join(fd);
	ASSERT_EQ(load(&slot[7]), 0);
	ASSERT(slot == slot_word(words, other));
}

/*
 * Those who break the rules
 */

TEST(forged_readers_of_nobody_keep_nobody_out)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(member), i;

	for (i = 0; i < 2; i++)
		store(&words[DMASHM_OFF_READERS / 4 + i], ~0u);
	for (i = DMASHM_OFF_SLOT(1) / 4; i < DMASHM_WORDS_SIZE / 4; i++)
		store(&words[i], ~0u);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_TRYLOCK), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
}

TEST(a_forged_turn_of_nobody_keeps_nobody_out)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(member);

	store(words, DMASHM_TURN | DMASHM_WAITERS);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_EQ(load(words), DMASHM_HELD(1));
	ASSERT_EQ(unlock(member), 0);
	store(words, DMASHM_TURN | DMASHM_WAITERS);
	ASSERT_EQ(try_lock_shared(member), 0);
	ASSERT_EQ(unlock_shared(member), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_TRYLOCK), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
	ASSERT_EQ(load(words), 0);
}

TEST(who_is_in_too_often_is_told)
{
	int member = join(create(1));
	uint32_t *slot = slot_word(map_words(member), member);

	store(slot, DMASHM_SHARED_MAX);
	ASSERT_ERRNO(try_lock_shared(member), EOVERFLOW);
	ASSERT_ERRNO(lock_shared_until(member, DMASHM_NEVER), EOVERFLOW);
	ASSERT_EQ(load(slot), DMASHM_SHARED_MAX);
	store(slot, DMASHM_SHARED_MAX - 1);
	ASSERT_EQ(try_lock_shared(member), 0);
}

/* Nor do they stay in a word that is only looked at. */
TEST(marks_that_nobody_needs_are_taken_off)
{
	int member = join(create(1));
	uint32_t *words = map_words(member);

	store(words, DMASHM_TURN | DMASHM_WAITERS);
	ASSERT_EQ(try_lock_shared(member), 0);
	ASSERT_EQ(load(words), 0);
	ASSERT_EQ(unlock_shared(member), 0);
}

/* Its holder wiped the word and died: who sleeps gets it all the same. */
TEST(a_word_that_its_dead_holder_wiped_is_free)
{
	int member = join(create(1)), ends[2];
	uint32_t *words = map_words(member);
	pid_t pid, sleeper;
	char byte = 0;

	ASSERT_EQ(pipe(ends), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(try_lock(join_by(member, NULL)), 0);
		ASSERT_EQ(write(ends[1], &byte, 1), 1);
		for (;;)
			pause();
	}
	ASSERT_EQ(read(ends[0], &byte, 1), 1);
	sleeper = start_locker(member, false);
	word_becomes(words, DMASHM_WAITERS, DMASHM_WAITERS);
	store(words, 0);
	kill_child(pid);
	alarm(20);
	wait_child(sleeper);
}

/* Overwritten with the mark of a sleeper, and free: who looks wakes the sleeper. */
TEST(a_free_word_with_sleepers_wakes_them)
{
	int member = join(create(1)), other = join_by(member, NULL);
	uint32_t *words = map_words(member);
	pid_t sleeper;

	ASSERT_EQ(try_lock(member), 0);
	sleeper = start_locker(member, false);
	word_becomes(words, DMASHM_WAITERS, DMASHM_WAITERS);
	sleep_ms(100);
	store(words, DMASHM_WAITERS);
	ASSERT_EQ(try_lock_shared(other), 0);
	ASSERT_EQ(unlock_shared(other), 0);
	alarm(20);
	wait_child(sleeper);
}

/*
 * A member that wakes who waits for the readers, over and over, does not stop
 * the clock.
 */
TEST(waking_over_and_over_stops_no_clock)
{
	int fd = create(1), member = join(fd), reader = join(fd), i;
	uint32_t *words = map_words(member);
	pid_t pid[4];

	ASSERT_EQ(try_lock_shared(reader), 0);
	for (i = 0; i < 4; i++) {
		pid[i] = start_child();
		if (!pid[i]) {
			int own = join_by(member, NULL);
			uint32_t *slot = slot_word(map_words(own), own);

			for (;;) {
				store(slot, 1);
				unlock_shared(own);
			}
		}
	}
	for (i = 0; i < 5; i++) {
		uint64_t before = now_ns();

		ASSERT_ERRNO(lock_until(member, before + 100000000), ETIMEDOUT);
		ASSERT(now_ns() < before + 5000000000ull);
	}
	for (i = 0; i < 4; i++)
		kill_child(pid[i]);
	ASSERT_EQ(unlock_shared(reader), 0);
	word_becomes(words, ~0u, 0);
}

/*
 * Fairness
 */

/* Locks and unlocks by hand as fast as it can, until it is killed. */
static pid_t start_hammer(int member, bool shared)
{
	pid_t pid = start_child();
	uint32_t id, *words, *slot;
	int own, ret;

	if (pid)
		return pid;
	own = join_by(member, &id);
	words = map_words(own);
	slot = slot_word(words, own);
	if (shared) {
		ASSERT_EQ(lock_shared_until(own, DMASHM_NEVER), 0);
		ASSERT_EQ(unlock_shared(own), 0);
	}
	for (;;) {
		uint32_t old = shared ? 1 : DMASHM_HELD(id), none = 0;

		if (shared) {
			__atomic_fetch_add(slot, 1, __ATOMIC_SEQ_CST);
			if (load(words)) {
				ASSERT_EQ(unlock_shared(own), 0);
				ASSERT_EQ(lock_shared_until(own, DMASHM_NEVER), 0);
			}
		} else if (!__atomic_compare_exchange_n(words, &none, old, false, __ATOMIC_SEQ_CST,
							__ATOMIC_RELAXED)) {
			ret = lock_until(own, DMASHM_NEVER);
			ASSERT(!ret || errno == EOWNERDEAD); /* another was killed */
		}
		if (!__atomic_compare_exchange_n(shared ? slot : words, &old, 0, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			ASSERT_EQ(shared ? unlock_shared(own) : unlock(own), 0);
	}
}

TEST(a_stream_of_readers_starves_no_writer)
{
	int member = join(create(1)), i;
	pid_t pid[3];

	for (i = 0; i < 3; i++)
		pid[i] = start_hammer(member, true);
	sleep_ms(300);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(lock_until(member, in_ms(10000)), 0);
		ASSERT_EQ(unlock(member), 0);
	}
	for (i = 0; i < 3; i++)
		kill_child(pid[i]);
}

TEST(a_stream_of_writers_starves_no_reader)
{
	int member = join(create(1)), i, ret;
	pid_t pid[3];

	for (i = 0; i < 3; i++)
		pid[i] = start_hammer(member, false);
	sleep_ms(300);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(lock_shared_until(member, in_ms(10000)), 0);
		ASSERT_EQ(unlock_shared(member), 0);
	}
	for (i = 0; i < 3; i++)
		kill_child(pid[i]);
	ret = lock_until(member, in_ms(10000));
	ASSERT(!ret || errno == EOWNERDEAD);
}

/*
 * One that is passed again and again has TURN set, and then nobody passes it.
 * We pass it by taking the word in the moment after the unlock that woke it.
 */
TEST(nobody_passes_twice_who_is_impatient)
{
	int member = join(create(1));
	uint32_t *words = map_words(member), me, before;
	uint32_t *turns = &words[DMASHM_OFF_EVENTS / 4];
	uint64_t late = in_ms(40000);
	pid_t pid;

	ASSERT_EQ(try_lock(member), 0);
	me = load(words);
	pid = start_child();
	if (!pid) {
		int own = join_by(member, NULL);

		turns = &map_words(own)[DMASHM_OFF_EVENTS / 4];
		for (;;) {
			ASSERT_EQ(lock_until(own, DMASHM_NEVER), 0);
			__atomic_fetch_add(turns, 1, __ATOMIC_SEQ_CST);
			ASSERT_EQ(unlock(own), 0);
		}
	}
	while (!(load(words) & DMASHM_TURN)) {
		uint32_t old;

		ASSERT(now_ns() < late);
		ASSERT_EQ(unlock(member), 0);
		old = load(words);
		if (old & (DMASHM_KIND_MASK | DMASHM_TURN) ||
		    !__atomic_compare_exchange_n(words, &old, me | old, false, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST))
			ASSERT_EQ(lock_until(member, DMASHM_NEVER), 0);
		else
			sleep_ms(2);	/* by now it has been woken and passed */
	}
	ASSERT_EQ(load(words) & ~0xffu, me & ~0xffu);
	before = load(turns);
	ASSERT_EQ(unlock(member), 0);
	/* Promised, or taken by the one it was promised to, or given back by it. */
	if (try_lock(member)) {
		ASSERT_EQ(errno, EBUSY);
		ASSERT_EQ(lock_until(member, in_ms(20000)), 0);
	}
	ASSERT(load(turns) > before);
	kill_child(pid);
}
