// SPDX-License-Identifier: MIT
/* What is left of the barrier when its holder dies, and what is no death. */
#include <sched.h>

#include "uapi.h"

#define HOLDER (DMASHM_KIND_MASK | ~0xffu)

static int tester_lock(int tester, uint64_t deadline)
{
	return ioctl(tester, TESTER_IOC_LOCK, &deadline);
}

/* A child that joins, locks and says so; it never unlocks. */
static pid_t start_holder(int member, int *pipe_end, int how)
{
	int ends[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(pipe(ends), 0);
	pid = start_child();
	if (!pid) {
		uint32_t id;
		uint32_t *words;
		int own = join_by(member, &id);

		if (how == 'w') {
			words = map_words(own);
			store(words, DMASHM_HELD(id));
		} else {
			ASSERT_EQ(try_lock(own), 0);
		}
		ASSERT_EQ(write(ends[1], "x", 1), 1);
		for (;;)
			pause();
	}
	close(ends[1]);
	ASSERT_EQ(read(ends[0], &byte, 1), 1);
	if (pipe_end)
		*pipe_end = ends[0];
	else
		close(ends[0]);
	return pid;
}

static void owner_died(int member)
{
	ASSERT_ERRNO(lock_until(member, in_ms(10000)), EOWNERDEAD);
}

TEST(a_killed_holder_leaves_a_mark)
{
	int member = join(create(1));
	uint32_t *words = map_words(member);

	kill_child(start_holder(member, NULL, 'w'));
	owner_died(member);
	ASSERT_EQ(load(words) & DMASHM_DIED, DMASHM_DIED);
	ASSERT_EQ(recover(member), 0);
	ASSERT_EQ(load(words) & DMASHM_DIED, 0);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(try_lock(member), 0);
}

TEST(a_killed_holder_by_ioctl_leaves_a_mark)
{
	int member = join(create(1));

	kill_child(start_holder(member, NULL, 'l'));
	owner_died(member);
}

TEST(the_mark_stays_until_repaired)
{
	int member = join(create(1));

	kill_child(start_holder(member, NULL, 'w'));
	owner_died(member);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_ERRNO(try_lock(member), EOWNERDEAD);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_ERRNO(try_lock(member), EOWNERDEAD);
	ASSERT_EQ(recover(member), 0);
	ASSERT_EQ(recover(member), 0);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(try_lock(member), 0);
}

TEST(the_kernel_sees_the_mark)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);

	kill_child(start_holder(member, NULL, 'w'));
	ASSERT_ERRNO(tester_lock(tester, in_ms(10000)), EOWNERDEAD);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_TRYLOCK), EOWNERDEAD);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_RECOVER), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_RECOVER), EPERM);
	ASSERT_EQ(try_lock(member), 0);
}

TEST(a_sleeper_learns_of_the_death)
{
	int fd = create(1), member = join(fd);
	uint32_t *words = map_words(member);
	pid_t holder = start_holder(member, NULL, 'w'), pid;

	pid = start_child();
	if (!pid) {
		owner_died(join(fd));
		_exit(0);
	}
	while (!(load(words) & DMASHM_WAITERS))
		sleep_ms(1);
	kill_child(holder);
	wait_child(pid);
}

/* The fd of the dead is also in a child that lives on. */
TEST(death_is_seen_while_a_child_has_the_fd)
{
	int member = join(create(1)), ends[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(pipe(ends), 0);
	pid = start_child();
	if (!pid) {
		uint32_t id;
		int own = join_by(member, &id);

		store(map_words(own), DMASHM_HELD(id));
		if (!start_child()) {
			sleep_ms(20000);
			_exit(0);
		}
		ASSERT_EQ(write(ends[1], "x", 1), 1);
		for (;;)
			pause();
	}
	ASSERT_EQ(read(ends[0], &byte, 1), 1);
	kill_child(pid);
	ASSERT_ERRNO(lock_until(member, in_ms(2000)), EOWNERDEAD);
}

/* The fd of the dead lies in a socket that nobody reads. */
TEST(death_is_seen_while_the_fd_is_in_flight)
{
	int member = join(create(1)), pair[2], ends[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ASSERT_EQ(pipe(ends), 0);
	pid = start_child();
	if (!pid) {
		int own = join_by(member, NULL);

		send_fds(pair[0], own, own);
		ASSERT_EQ(try_lock(own), 0);	/* never mapped a word */
		ASSERT_EQ(write(ends[1], "x", 1), 1);
		for (;;)
			pause();
	}
	ASSERT_EQ(read(ends[0], &byte, 1), 1);
	kill_child(pid);
	ASSERT_ERRNO(lock_until(member, in_ms(2000)), EOWNERDEAD);
}

TEST(exec_gives_up_the_lock)
{
	int member = join(create(1)), ends[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(pipe(ends), 0);
	pid = start_child();
	if (!pid) {
		uint32_t id;
		int own = join_by(member, &id);

		store(map_words(own), DMASHM_HELD(id));
		ASSERT_EQ(write(ends[1], "x", 1), 1);
		execlp("sleep", "sleep", "30", NULL);
		execlp("busybox", "busybox", "sleep", "30", NULL);
		_exit(99);
	}
	ASSERT_EQ(read(ends[0], &byte, 1), 1);
	ASSERT_ERRNO(lock_until(member, in_ms(5000)), EOWNERDEAD);
	kill_child(pid);	/* it sleeps: exec has worked */
}

TEST(closing_one_of_two_fds_gives_up_nothing)
{
	int fd = create(1), member = join(fd), other = join(fd), twin = dup(member);

	ASSERT_EQ(try_lock(member), 0);
	close(twin);
	ASSERT_ERRNO(try_lock(other), EBUSY);
	wait_child(({
		pid_t pid = start_child();

		if (!pid) {
			close(member);
			_exit(0);
		}
		pid;
	}));
	ASSERT_ERRNO(try_lock(other), EBUSY);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(try_lock(other), 0);
}

TEST(closing_the_last_fd_gives_up_the_lock)
{
	int fd = create(1), member = join(fd), other = join(fd);

	ASSERT_EQ(try_lock(member), 0);
	close(member);
	owner_died(other);
	members_are(other, 1);
}

/*
 * What looks like the end of a process and is not
 */

static char stack[65536] __attribute__((aligned(16)));

static int nothing(void *data)
{
	(void)data;
	return 0;
}

/* A thread with a files table of its own closes all of it when it ends. */
static int unshare_files(void *data)
{
	(void)data;
	ASSERT_EQ(unshare(CLONE_FILES), 0);
	return 0;
}

#define THREAD (CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES)

static void holder_stays(int (*function)(void *), int flags)
{
	int fd = create(1), member = join(fd), other = join(fd);
	uint32_t *words = map_words(member);

	ASSERT_EQ(try_lock(member), 0);
	ASSERT(clone(function, stack + sizeof(stack), flags, NULL) > 0);
	sleep_ms(200);
	ASSERT_EQ(load(words) & HOLDER, DMASHM_HELD(1));
	ASSERT_ERRNO(try_lock(other), EBUSY);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(try_lock(other), 0);
}

TEST(a_thread_that_exits_gives_up_nothing)
{
	holder_stays(nothing, THREAD);
}

TEST(nor_does_one_with_files_of_its_own)
{
	holder_stays(unshare_files, THREAD);
}

TEST(nor_does_a_process_that_borrows_the_memory)
{
	holder_stays(nothing, CLONE_VM | SIGCHLD);
}

TEST(a_child_with_the_words_by_madvise_takes_nothing_along)
{
	int fd = create(1), member = join(fd);
	uint32_t *words = map_words(member);
	pid_t pid;

	ASSERT_EQ(try_lock(member), 0);
	if (madvise(words, page_size(), MADV_DOFORK)) {
		ASSERT_EQ(errno, EINVAL);
		SKIP("this kernel refuses MADV_DOFORK on such a mapping");
	}
	pid = start_child();
	if (!pid)
		_exit(0);
	wait_child(pid);
	ASSERT_EQ(load(words), DMASHM_HELD(1));
	ASSERT_EQ(unlock(member), 0);
}

/* The owner ends; who shares its memory goes on, with the lock. */
static int goes_on(void *data)
{
	int *ends = data;
	char byte;

	ASSERT_EQ(read(ends[0], &byte, 1), 1);
	_exit(0);
	return 0;
}

TEST(the_lock_stays_with_the_memory)
{
	int member = join(create(1)), ends[2], status;
	uint32_t *words = map_words(member);
	pid_t pid;

	ASSERT_EQ(pipe(ends), 0);
	pid = start_child();
	if (!pid) {
		int own = join_by(member, NULL);

		ASSERT_EQ(try_lock(own), 0);
		ASSERT(clone(goes_on, stack + sizeof(stack), CLONE_VM | SIGCHLD, ends) > 0);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status, 0);
	sleep_ms(100);
	ASSERT_ERRNO(try_lock(member), EBUSY);
	ASSERT_EQ(load(words) & HOLDER, DMASHM_HELD(2));
	ASSERT_EQ(write(ends[1], "x", 1), 1);
	ASSERT_ERRNO(lock_until(member, in_ms(5000)), EOWNERDEAD);
}

/*
 * It never mapped a word, has closed its fd, and another process has the same
 * one: nothing of it is closed at its death. Who sleeps learns of it at once.
 */
TEST(a_death_without_a_last_close_wakes_sleepers)
{
	int member = join(create(1)), pair[2], ends[2], theirs, unused;
	uint32_t *words = map_words(member);
	uint64_t before;
	char byte;
	pid_t pid, sleeper;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ASSERT_EQ(pipe(ends), 0);
	pid = start_child();
	if (!pid) {
		int own = join_by(member, NULL);

		ASSERT_EQ(try_lock(own), 0);
		send_fds(pair[0], own, own);
		close(own);
		ASSERT_EQ(read(ends[0], &byte, 1), 1);
		_exit(0);
	}
	receive_fds(pair[1], &theirs, &unused);
	sleeper = start_child();
	if (!sleeper) {
		int own = join_by(member, NULL);

		ASSERT_ERRNO(lock_until(own, DMASHM_NEVER), EOWNERDEAD);
		_exit(0);
	}
	while (!(load(words) & DMASHM_WAITERS))
		sleep_ms(1);
	before = now_ns();
	ASSERT_EQ(write(ends[1], "x", 1), 1);
	wait_child(sleeper);
	ASSERT(now_ns() - before < 5000000000ull);
	wait_child(pid);
}

TEST(a_dead_member_makes_room)
{
	int fd = create(1), member = join(fd), i;

	for (i = 0; i < 2 * DMASHM_CAPACITY; i++)
		kill_child(start_holder(member, NULL, 'w'));
	members_are(member, 1);
}
