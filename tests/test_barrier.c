// SPDX-License-Identifier: MIT
/* The exclusive barrier, taken by ioctl, by hand and by the kernel. */
#include <sys/prctl.h>

#include "uapi.h"

#define HOLDER (DMASHM_KIND_MASK | ~0xffu)

static int tester_lock(int tester, uint64_t deadline)
{
	return ioctl(tester, TESTER_IOC_LOCK, &deadline);
}

TEST(lock_puts_the_id_into_the_word)
{
	uint32_t id, *words;
	int member = join_id(create(1), &id);

	words = map_words(member);
	ASSERT_EQ(lock_until(member, DMASHM_NEVER), 0);
	ASSERT_EQ(load(words), DMASHM_HELD(id));
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(load(words), 0);
}

TEST(lock_refuses_bad_arguments)
{
	int member = join(create(1));
	struct dmashm_lock lock = { .flags = 4 };
	struct dmashm_unlock arg = { .flags = 2 };

	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_LOCK, &lock), EINVAL);
	lock.flags = DMASHM_LOCK_TRY;
	lock.pad = 1;
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_LOCK, &lock), EINVAL);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_UNLOCK, &arg), EINVAL);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_RECOVER, &arg), EINVAL);
	arg = (struct dmashm_unlock){ .pad = 1 };
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_UNLOCK, &arg), EINVAL);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_RECOVER, &arg), EINVAL);
	ASSERT_EQ(load(map_words(member)), 0);
}

TEST(a_held_barrier_is_busy)
{
	int fd = create(1), a = join(fd), b = join(fd);

	ASSERT_EQ(try_lock(a), 0);
	ASSERT_ERRNO(try_lock(b), EBUSY);
	ASSERT_ERRNO(lock_until(b, in_ms(50)), ETIMEDOUT);
	ASSERT_ERRNO(lock_until(b, 0), ETIMEDOUT);
	ASSERT_EQ(unlock(a), 0);
	/* A deadline that has passed still takes a free barrier. */
	ASSERT_EQ(lock_until(b, 0), 0);
	ASSERT_EQ(unlock(b), 0);
}

TEST(only_the_holder_unlocks)
{
	int fd = create(1), a = join(fd), b = join(fd);
	uint32_t *words = map_words(a), word;

	ASSERT_ERRNO(unlock(a), EPERM);
	ASSERT_EQ(try_lock(a), 0);
	word = load(words);
	ASSERT_ERRNO(unlock(b), EPERM);
	ASSERT_ERRNO(recover(b), EPERM);
	ASSERT_EQ(load(words), word);
	ASSERT_EQ(unlock(a), 0);
	ASSERT_ERRNO(unlock(a), EPERM);
}

/* What user space locked by itself the kernel unlocks, and the reverse. */
TEST(both_ways_of_locking_are_one)
{
	uint32_t id, *words;
	int member = join_id(create(1), &id);

	words = map_words(member);
	store(words, DMASHM_HELD(id));
	ASSERT_ERRNO(try_lock(member), EBUSY);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(try_lock(member), 0);
	store(words, 0);
	ASSERT_EQ(try_lock(member), 0);
}

TEST(a_waiter_gets_the_lock_at_unlock)
{
	int fd = create(1), member = join(fd);
	uint32_t *words = map_words(member);
	pid_t pid;

	ASSERT_EQ(try_lock(member), 0);
	pid = start_child();
	if (!pid) {
		int own = join(fd);

		ASSERT_EQ(lock_until(own, in_ms(20000)), 0);
		ASSERT_EQ(unlock(own), 0);
		_exit(0);
	}
	while (!(load(words) & DMASHM_WAITERS))
		sleep_ms(1);
	ASSERT_EQ(unlock(member), 0);
	wait_child(pid);
	ASSERT_EQ(load(words) & ~DMASHM_WAITERS, 0);
}

/* They live on until all had their turn: a death would wake somebody too. */
TEST(each_unlock_wakes_the_next)
{
	int fd = create(1), member = join(fd), ends[2], i;
	uint32_t *words = map_words(member);
	pid_t pid[3];
	char byte;

	ASSERT_EQ(pipe(ends), 0);
	ASSERT_EQ(try_lock(member), 0);
	for (i = 0; i < 3; i++) {
		pid[i] = start_child();
		if (!pid[i]) {
			int own = join(fd);

			ASSERT_EQ(lock_until(own, in_ms(30000)), 0);
			ASSERT_EQ(unlock(own), 0);
			ASSERT_EQ(write(ends[1], "x", 1), 1);
			for (;;)
				pause();
		}
	}
	while (!(load(words) & DMASHM_WAITERS))
		sleep_ms(1);
	sleep_ms(500);
	ASSERT_EQ(unlock(member), 0);
	alarm(20);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(read(ends[0], &byte, 1), 1);
	for (i = 0; i < 3; i++)
		kill_child(pid[i]);
}

TEST(the_kernel_excludes_user_space)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(member);

	ASSERT_EQ(ioctl(tester, TESTER_IOC_TRYLOCK), 0);
	ASSERT_EQ(load(words), DMASHM_KIND_KERNEL);
	ASSERT_ERRNO(try_lock(member), EBUSY);
	ASSERT_ERRNO(lock_until(member, in_ms(30)), ETIMEDOUT);
	ASSERT_ERRNO(unlock(member), EPERM);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_TRYLOCK), EBUSY);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_UNLOCK), EPERM);
	ASSERT_EQ(try_lock(member), 0);
}

TEST(user_space_excludes_the_kernel)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);

	ASSERT_EQ(try_lock(member), 0);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_TRYLOCK), EBUSY);
	ASSERT_ERRNO(tester_lock(tester, in_ms(50)), ETIMEDOUT);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_UNLOCK), EPERM);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(tester_lock(tester, in_ms(50)), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
}

TEST(a_waiting_kernel_gets_the_lock_at_unlock)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(member);
	pid_t pid;

	ASSERT_EQ(try_lock(member), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(tester_lock(tester, in_ms(20000)), 0);
		ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
		_exit(0);
	}
	while (!(load(words) & DMASHM_WAITERS))
		sleep_ms(1);
	ASSERT_EQ(unlock(member), 0);
	wait_child(pid);
}

TEST(a_waiting_kernel_can_be_killed)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(member);
	pid_t pid;

	ASSERT_EQ(try_lock(member), 0);
	pid = start_child();
	if (!pid) {
		tester_lock(tester, DMASHM_NEVER);
		_exit(0);
	}
	while (!(load(words) & DMASHM_WAITERS))
		sleep_ms(1);
	kill_child(pid);
	ASSERT_EQ(unlock(member), 0);
}

/*
 * Those who break the rules
 */

TEST(words_of_nobody_are_taken_back)
{
	static const uint32_t nobody[] = {
		DMASHM_HELD(2), DMASHM_HELD(DMASHM_ID_MAX), DMASHM_HELD(0),
		DMASHM_KIND_KERNEL, DMASHM_KIND_KERNEL | DMASHM_WAITERS, 3,
		~0u, ~1u, ~2u, 0xdeadbeef,
	};
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(member);
	size_t i;

	for (i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
		store(words, nobody[i]);
		ASSERT_ERRNO(try_lock(member), EOWNERDEAD);
		ASSERT_EQ(recover(member), 0);
		ASSERT_EQ(unlock(member), 0);
		store(words, nobody[i]);
		ASSERT_ERRNO(ioctl(tester, TESTER_IOC_TRYLOCK), EOWNERDEAD);
		ASSERT_EQ(ioctl(tester, TESTER_IOC_RECOVER), 0);
		ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
		store(words, nobody[i]);
		ASSERT_ERRNO(wait_word(member, 0, nobody[i], DMASHM_NEVER), EAGAIN);
		ASSERT_EQ(load(words), DMASHM_DIED);
	}
}

/* The word says kernel, but no driver holds it. */
TEST(a_driver_that_holds_nothing_repairs_nothing)
{
	int fd = create(1), tester = open_tester(fd);
	uint32_t *words = map_words(join(fd));

	store(words, DMASHM_KIND_KERNEL | DMASHM_DIED);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_RECOVER), EPERM);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_UNLOCK), EPERM);
	ASSERT_EQ(load(words), DMASHM_KIND_KERNEL | DMASHM_DIED);
}

TEST(reserved_bits_of_a_free_word_are_dropped)
{
	int member = join(create(1));
	uint32_t *words = map_words(member);

	store(words, 0xfffffff0);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_EQ(load(words), DMASHM_HELD(1));
}

TEST(a_kernel_holder_whose_word_is_overwritten_lets_go)
{
	static const uint32_t values[] = { 0, 3, ~0u, DMASHM_HELD(1) };
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	uint32_t *words = map_words(member);
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		store(words, 0);
		ASSERT_EQ(ioctl(tester, TESTER_IOC_TRYLOCK), 0);
		store(words, values[i]);
		/* Others in the kernel stay out whatever the word says. */
		ASSERT_ERRNO(ioctl(tester, TESTER_IOC_TRYLOCK), EBUSY);
		ASSERT_ERRNO(tester_lock(tester, in_ms(10)), ETIMEDOUT);
		ASSERT_ERRNO(ioctl(tester, TESTER_IOC_UNLOCK), EPROTO);
		ASSERT_ERRNO(ioctl(tester, TESTER_IOC_UNLOCK), EPERM);
	}
	store(words, 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_TRYLOCK), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
}

/* The word is free, but a driver is inside: another one waits for its unlock. */
TEST(a_driver_waits_for_another_whatever_the_word_says)
{
	int fd = create(1), first = open_tester(fd), second = open_tester(fd);
	uint32_t *words = map_words(join(fd));
	pid_t pid;

	ASSERT_EQ(ioctl(first, TESTER_IOC_TRYLOCK), 0);
	store(words, 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(tester_lock(second, in_ms(30000)), 0);
		ASSERT_EQ(ioctl(second, TESTER_IOC_UNLOCK), 0);
		_exit(0);
	}
	sleep_ms(300);
	ASSERT_EQ(waitpid(pid, NULL, WNOHANG), 0);
	ASSERT_ERRNO(ioctl(first, TESTER_IOC_UNLOCK), EPROTO);
	alarm(10);
	wait_child(pid);
}

/* Somebody writes random words as fast as it can while all others lock. */
TEST_LIMIT(a_scribbler_hangs_nobody, 120)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd), i;
	uint32_t *words = map_words(member);
	char byte = 0;
	pid_t pid;

	pid = start_child();
	if (!pid) {
		uint32_t *mine = map_words(join(fd)), random = 1;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			random = random * 1664525 + 1013904223;
			store(&mine[random >> 22], random);
			store(mine, random >> (random % 31));
		}
	}
	for (i = 0; i < 300; i++) {
		uint64_t late;
		int ret;

		late = in_ms(5000);
		ret = lock_until(member, in_ms(2));
		ASSERT(!ret || errno == EOWNERDEAD || errno == ETIMEDOUT);
		unlock(member);
		ret = tester_lock(tester, in_ms(2));
		ASSERT(!ret || errno == EOWNERDEAD || errno == ETIMEDOUT);
		if (!ret || errno == EOWNERDEAD) {
			ret = ioctl(tester, TESTER_IOC_UNLOCK);
			ASSERT(!ret || errno == EPROTO);
		}
		ret = lock_shared_until(member, in_ms(2));
		ASSERT(!ret || errno == EOWNERDEAD || errno == ETIMEDOUT || errno == EOVERFLOW);
		ret = unlock_shared(member);
		ASSERT(!ret || errno == EPERM);
		late = in_ms(2);
		ret = ioctl(tester, TESTER_IOC_LOCK_SHARED, &late);
		ASSERT(!ret || errno == EOWNERDEAD || errno == ETIMEDOUT);
		if (!ret || errno == EOWNERDEAD)
			ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK_SHARED), 0);
		late = in_ms(5000);
		wait_word(member, 0, load(words), in_ms(1));
		fcntl(member, F_SETFL, O_RDWR | O_NONBLOCK);
		ret = (int)pread(member, &byte, 1, 0);
		ASSERT(ret == 1 || errno == EAGAIN || errno == EOWNERDEAD ||
		       errno == EPROTO);
		ASSERT(now_ns() < late);
	}
	kill_child(pid);
	/* What was written for this member, who lives, only it can take back. */
	store(words, 0);
	store(&words[DMASHM_OFF_SLOT(slot_of(member)) / 4], 0);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_TRYLOCK), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
}
