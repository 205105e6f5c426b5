// SPDX-License-Identifier: MIT
/* The library's locks, shared and exclusive, and who they have to do with. */
#include <pthread.h>
#include <sched.h>

#include "library.h"

static uint64_t soon(void)
{
	return dmashm_deadline(SECOND / 20);
}

TEST(many_share_it)
{
	struct dmashm_buffer *a = new_buffer(1), *b = twin(a);

	ASSERT_EQ(dmashm_unlock_shared(a), -EPERM);
	ASSERT_EQ(dmashm_lock_shared(a), 0);
	ASSERT_EQ(dmashm_lock_shared(a), 0);
	ASSERT_EQ(dmashm_trylock_shared(b), 0);
	ASSERT_EQ(dmashm_timedlock_shared(b, 0), 0);
	ASSERT_EQ(dmashm_trylock(b), -EBUSY);
	ASSERT_EQ(dmashm_timedlock(b, soon()), -ETIMEDOUT);
	ASSERT_EQ(dmashm_unlock(a), -EPERM);
	ASSERT_EQ(dmashm_recover(a), -EPERM);
	ASSERT_EQ(dmashm_unlock_shared(a), 0);
	ASSERT_EQ(dmashm_unlock_shared(a), 0);
	ASSERT_EQ(dmashm_unlock_shared(a), -EPERM);
	ASSERT_EQ(dmashm_unlock_shared(b), 0);
	ASSERT_EQ(dmashm_trylock(a), -EBUSY);
	ASSERT_EQ(dmashm_unlock_shared(b), 0);
	ASSERT_EQ(dmashm_trylock(a), 0);
}

TEST(a_holder_excludes_readers)
{
	struct dmashm_buffer *a = new_buffer(1), *b = twin(a);

	ASSERT_EQ(dmashm_lock(a), 0);
	ASSERT_EQ(dmashm_trylock_shared(b), -EBUSY);
	ASSERT_EQ(dmashm_timedlock_shared(b, soon()), -ETIMEDOUT);
	ASSERT_EQ(dmashm_trylock_shared(a), -EBUSY);
	ASSERT_EQ(dmashm_unlock_shared(a), -EPERM);
	ASSERT_EQ(dmashm_unlock(a), 0);
	ASSERT_EQ(load(words_of(a)), 0);
	ASSERT_EQ(dmashm_timedlock_shared(b, 0), 0);
}

TEST(readers_are_told_of_a_death)
{
	struct dmashm_buffer *a = new_buffer(1), *b = twin(a);

	ASSERT_EQ(dmashm_lock(b), 0);
	dmashm_close(b);
	ASSERT_EQ(dmashm_lock_shared(a), -EOWNERDEAD);
	ASSERT_EQ(dmashm_recover(a), -EPERM);
	ASSERT_EQ(dmashm_unlock_shared(a), 0);
	ASSERT_EQ(dmashm_trylock_shared(a), -EOWNERDEAD);
	ASSERT_EQ(dmashm_unlock_shared(a), 0);
	ASSERT_EQ(dmashm_trylock(a), -EOWNERDEAD);
	ASSERT_EQ(dmashm_recover(a), 0);
	ASSERT_EQ(dmashm_unlock(a), 0);
	ASSERT_EQ(dmashm_lock_shared(a), 0);
}

/* Whoever has the same fd keeps the member alive, but it reads no more. */
TEST(closing_while_reading_lets_writers_in)
{
	struct dmashm_buffer *a = new_buffer(1), *b = twin(a);
	int kept = dup(dmashm_member_fd(b));

	ASSERT(kept >= 0);
	ASSERT_EQ(dmashm_lock_shared(b), 0);
	ASSERT_EQ(dmashm_lock_shared(b), 0);
	dmashm_close(b);
	ASSERT_EQ(dmashm_trylock(a), 0);
}

TEST(a_child_reads_for_itself)
{
	struct dmashm_buffer *buf = new_buffer(1);
	pid_t pid;

	ASSERT_EQ(dmashm_lock_shared(buf), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(dmashm_unlock_shared(buf), -EPERM);
		ASSERT_EQ(dmashm_trylock(buf), -EBUSY);
		ASSERT_EQ(dmashm_lock_shared(buf), 0);
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(dmashm_trylock(buf), -EBUSY);
	ASSERT_EQ(dmashm_unlock_shared(buf), 0);
	ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(5 * SECOND)), 0);
}

TEST(who_reads_too_often_is_told)
{
	struct dmashm_buffer *buf = new_buffer(1);
	uint32_t *slot = &words_of(buf)[DMASHM_OFF_SLOT(slot_of(dmashm_member_fd(buf))) / 4];

	ASSERT_EQ(dmashm_lock_shared(buf), 0);
	store(slot, DMASHM_SHARED_MAX);
	ASSERT_EQ(dmashm_lock_shared(buf), -EOVERFLOW);
	ASSERT_EQ(dmashm_trylock_shared(buf), -EOVERFLOW);
	ASSERT_EQ(load(slot), DMASHM_SHARED_MAX);
	ASSERT_EQ(dmashm_unlock_shared(buf), 0);
	ASSERT_EQ(dmashm_lock_shared(buf), 0);
}

/* A child that takes it and stays. */
static pid_t start_holder(struct dmashm_buffer *buf, bool shared)
{
	pid_t pid = start_child();

	if (!pid) {
		ASSERT_EQ(shared ? dmashm_lock_shared(buf) : dmashm_lock(buf), 0);
		store(dmashm_event(buf, 0), 1);
		for (;;)
			pause();
	}
	while (!load(dmashm_event(buf, 0)))
		sleep_ms(1);
	return pid;
}

static void lock_in_all_ways(struct dmashm_buffer *buf)
{
	int i;

	for (i = 0; i < 100; i++) {
		if (dmashm_lock(buf) || dmashm_unlock(buf) || dmashm_lock_shared(buf) ||
		    dmashm_unlock_shared(buf) || dmashm_trylock(buf) || dmashm_unlock(buf) ||
		    dmashm_trylock_shared(buf) || dmashm_unlock_shared(buf))
			syscall(SYS_exit, 1);
	}
}

TEST(what_is_free_takes_no_system_call)
{
	struct dmashm_buffer *buf = new_buffer(1);
	pid_t pid;

	ASSERT(without_system_calls(lock_in_all_ways, buf));
	/* Nor does it where another member has been seen to read. */
	ASSERT_EQ(dmashm_lock_shared(buf), 0);
	ASSERT_EQ(dmashm_unlock_shared(buf), 0);
	ASSERT(without_system_calls(lock_in_all_ways, buf));

	/* The test can fail: what is held takes one. */
	pid = start_holder(buf, true);
	ASSERT(!without_system_calls(lock_in_all_ways, buf));
	kill_child(pid);
}

/*
 * Processes in odd states
 */

TEST(a_stopped_holder_does_not_stop_the_clock)
{
	struct dmashm_buffer *buf = new_buffer(1);
	int shared, status;

	for (shared = 0; shared < 2; shared++) {
		pid_t pid = start_holder(buf, shared);
		uint64_t before;

		ASSERT_EQ(kill(pid, SIGSTOP), 0);
		ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
		before = now_ns();
		ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(SECOND / 5)), -ETIMEDOUT);
		ASSERT(now_ns() - before >= SECOND / 5);
		/* Killed while it is stopped, it gives back what it had. */
		kill_child(pid);
		ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(10 * SECOND)),
			  shared ? 0 : -EOWNERDEAD);
		if (!shared)
			ASSERT_EQ(dmashm_recover(buf), 0);
		ASSERT_EQ(dmashm_unlock(buf), 0);
		store(dmashm_event(buf, 0), 0);
	}
}

static volatile int signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

/*
 * A LOCK that sleeps, behind a holder or for a reader to come out: a signal ends
 * it, unless it asks for restarting, and nothing is left of it. The library goes
 * on by itself.
 */
TEST(signals_end_the_ioctl_and_not_the_library)
{
	struct dmashm_buffer *buf = new_buffer(1);
	struct sigaction action = { .sa_handler = on_signal };
	int shared, restart, before;

	for (shared = 0; shared < 2; shared++) {
		pid_t holder = start_holder(buf, shared), signaller = start_signaller();
		uint32_t word = load(words_of(buf));

		for (restart = 0; restart < 2; restart++) {
			action.sa_flags = restart ? SA_RESTART : 0;
			ASSERT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
			before = signals;
			ASSERT_ERRNO(lock_until(dmashm_member_fd(buf), in_ms(restart ? 300 : 20000)),
				     restart ? ETIMEDOUT : EINTR);
			ASSERT(signals > before);
			ASSERT_EQ(load(words_of(buf)) & ~DMASHM_WAITERS, word);
		}
		action.sa_flags = 0;
		ASSERT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
		before = signals;
		ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(SECOND / 2)), -ETIMEDOUT);
		ASSERT(signals > before);
		ASSERT_EQ(load(words_of(buf)) & ~DMASHM_WAITERS, word);
		kill(signaller, SIGKILL);
		while (waitpid(signaller, NULL, 0) != signaller)
			;
		kill_child(holder);
		ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(10 * SECOND)),
			  shared ? 0 : -EOWNERDEAD);
		dmashm_recover(buf);
		ASSERT_EQ(dmashm_unlock(buf), 0);
		ASSERT_EQ(load(words_of(buf)), 0);
		store(dmashm_event(buf, 0), 0);
	}
}

static struct dmashm_buffer *of_both;

static void *unlock_in_thread(void *unused)
{
	ASSERT_EQ(dmashm_unlock(of_both), 0);
	ASSERT_EQ(dmashm_lock_shared(of_both), 0);
	return unused;
}

TEST(any_thread_may_unlock)
{
	pthread_t thread;

	of_both = new_buffer(1);
	ASSERT_EQ(dmashm_lock(of_both), 0);
	ASSERT_EQ(pthread_create(&thread, NULL, unlock_in_thread, NULL), 0);
	pthread_join(thread, NULL);
	ASSERT_EQ(dmashm_unlock_shared(of_both), 0);
	ASSERT_EQ(dmashm_trylock(of_both), 0);
}

/* It is first in the queue, and stopped: those behind it are served. */
TEST(a_stopped_locker_is_passed)
{
	struct dmashm_buffer *buf = new_buffer(1);
	uint32_t *word = words_of(buf);
	pid_t stopped, other;
	int status;

	ASSERT_EQ(dmashm_lock(buf), 0);
	stopped = start_child();
	if (!stopped) {
		ASSERT_EQ(dmashm_lock(buf), 0);
		ASSERT_EQ(dmashm_unlock(buf), 0);
		_exit(0);
	}
	while (!(load(word) & DMASHM_WAITERS))
		sleep_ms(1);
	ASSERT_EQ(kill(stopped, SIGSTOP), 0);
	ASSERT_EQ(waitpid(stopped, &status, WUNTRACED), stopped);
	other = start_child();
	if (!other) {
		ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(20 * SECOND)), 0);
		ASSERT_EQ(dmashm_unlock(buf), 0);
		_exit(0);
	}
	sleep_ms(300);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	wait_child(other);
	ASSERT_EQ(kill(stopped, SIGCONT), 0);
	wait_child(stopped);
}

TEST(a_death_in_another_pid_namespace_is_seen)
{
	struct dmashm_buffer *buf = new_buffer(1);
	pid_t pid = start_child();

	if (!pid) {
		pid_t inner;

		if (unshare(CLONE_NEWPID))
			_exit(KTAP_SKIP);
		inner = start_holder(buf, false);	/* is 1 in there */
		kill_child(inner);
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(10 * SECOND)), -EOWNERDEAD);
}

/* The same id there, yet not the same process: it is not the member. */
TEST(a_namespace_lends_nobody_a_membership)
{
	struct dmashm_buffer *buf = new_buffer(1);
	pid_t pid;

	ASSERT_EQ(dmashm_lock(buf), 0);
	ASSERT_EQ(unshare(CLONE_NEWPID), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_ERRNO(unlock(dmashm_member_fd(buf)), EPERM);
		ASSERT_EQ(dmashm_unlock(buf), -EPERM);
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(dmashm_unlock(buf), 0);
}

/*
 * Words that somebody scribbled
 */

TEST(forged_readers_of_nobody_keep_nobody_out)
{
	struct dmashm_buffer *buf = new_buffer(1);
	uint32_t *words = words_of(buf);
	size_t i;

	store(&words[DMASHM_OFF_READERS / 4], ~0u);
	store(&words[DMASHM_OFF_READERS / 4 + 1], ~0u);
	for (i = DMASHM_OFF_SLOT(1) / 4; i < DMASHM_WORDS_SIZE / 4; i++)
		store(&words[i], ~0u);
	/* The kernel is asked whether it is really in. */
	ASSERT_EQ(dmashm_trylock(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(dmashm_lock(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, 0), 0);
	ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
}

TEST(a_forged_turn_of_nobody_keeps_nobody_out)
{
	struct dmashm_buffer *buf = new_buffer(1);

	store(words_of(buf), DMASHM_TURN);
	ASSERT_EQ(dmashm_lock(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(load(words_of(buf)), 0);
	store(words_of(buf), DMASHM_TURN);
	ASSERT_EQ(dmashm_lock_shared(buf), 0);
	ASSERT_EQ(dmashm_unlock_shared(buf), 0);
}
