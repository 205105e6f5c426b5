// SPDX-License-Identifier: MIT
/* WAIT and WAKE: futexes for words of the control page. */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "uapi.h"

#define EVENT DMASHM_OFF_EVENT(5)

static volatile int signals;

static void on_signal(int signal)
{
	(void)signal;
	signals = 1;
}

TEST(wait_refuses_bad_arguments)
{
	int member = join(create(1));
	struct dmashm_wait arg = { .expected = 1, .flags = 2 };

	ASSERT_ERRNO(wait_word(member, 1, 0, 0), EINVAL);
	ASSERT_ERRNO(wait_word(member, 2, 0, 0), EINVAL);
	ASSERT_ERRNO(wait_word(member, DMASHM_WORDS_SIZE, 0, 0), EINVAL);
	ASSERT_ERRNO(wait_word(member, UINT32_MAX - 3, 0, 0), EINVAL);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_WAIT, &arg), EINVAL);
	arg.flags = 0;
	arg.departures = 1;
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_WAIT, &arg), EINVAL);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_WAIT, NULL), EFAULT);
}

TEST(wake_refuses_bad_arguments)
{
	int member = join(create(1));
	struct dmashm_wake arg = { .flags = 1 };

	ASSERT_ERRNO(wake_word(member, 3, 1), EINVAL);
	ASSERT_ERRNO(wake_word(member, DMASHM_WORDS_SIZE, 1), EINVAL);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_WAKE, &arg), EINVAL);
}

TEST(wait_compares_first)
{
	int member = join(create(1));

	ASSERT_ERRNO(wait_word(member, EVENT, 1, DMASHM_NEVER), EAGAIN);
	store(&map_words(member)[EVENT / 4], 1);
	ASSERT_ERRNO(wait_word(member, EVENT, 0, DMASHM_NEVER), EAGAIN);
}

/* Why there is a WAIT at all: neither the words nor the data take a futex. */
TEST(futexes_do_not_work_here)
{
	struct timespec soon = { .tv_nsec = 1000000 };
	int fd = create(1);
	uint32_t *words = map_words(join(fd)), *data = (uint32_t *)map_data(fd, page_size());

	store(words, 0);
	store(data, 0);
	ASSERT_ERRNO(syscall(SYS_futex, words, FUTEX_WAIT, 0, &soon), EFAULT);
	ASSERT_ERRNO(syscall(SYS_futex, data, FUTEX_WAIT, 0, &soon), EFAULT);
}

TEST(wait_ends_at_its_deadline)
{
	int member = join(create(1));
	uint64_t before = now_ns();

	ASSERT_ERRNO(wait_word(member, EVENT, 0, before + 50000000), ETIMEDOUT);
	ASSERT(now_ns() >= before + 50000000);
	ASSERT_ERRNO(wait_word(member, EVENT, 0, before), ETIMEDOUT);
	ASSERT_ERRNO(wait_word(member, EVENT, 0, 0), ETIMEDOUT);
}

TEST(wait_on_the_last_word)
{
	int member = join(create(1));

	ASSERT_ERRNO(wait_word(member, DMASHM_WORDS_SIZE - 4, 0, 0), ETIMEDOUT);
}

TEST(a_signal_interrupts_wait)
{
	struct sigaction action = { .sa_handler = on_signal };
	int member = join(create(1));

	pid_t pid;

	sigaction(SIGUSR1, &action, NULL);
	pid = start_signaller();
	ASSERT_ERRNO(wait_word(member, EVENT, 0, DMASHM_NEVER), EINTR);
	kill_child(pid);
}

TEST(a_signal_with_sa_restart_does_not)
{
	struct sigaction action = {
		.sa_handler = on_signal, .sa_flags = SA_RESTART,
	};
	int member = join(create(1));
	pid_t pid;

	sigaction(SIGUSR1, &action, NULL);
	pid = start_signaller();
	ASSERT_ERRNO(wait_word(member, EVENT, 0, in_ms(500)), ETIMEDOUT);
	kill_child(pid);
	ASSERT(signals > 0);
}

TEST(wake_without_sleepers_wakes_nobody)
{
	ASSERT_EQ(wake_word(join(create(1)), EVENT, UINT32_MAX), 0);
}

/*
 * Start a process that joins and sleeps on an event. Once woken it writes a
 * byte into the pipe and stays: the death of a member wakes everybody.
 */
static pid_t start_sleeper(int member, uint32_t offset, int pipe_end)
{
	pid_t pid = start_child();

	if (!pid) {
		int own = join_by(member, NULL);

		ASSERT_EQ(wait_word(own, offset, 0, in_ms(30000)), 0);
		ASSERT_EQ(write(pipe_end, "x", 1), 1);
		for (;;)
			pause();
	}
	return pid;
}

/* Until so many have been woken: sleepers take their time to fall asleep. */
static void wake_until(int member, uint32_t offset, int woken)
{
	uint64_t deadline = in_ms(20000);

	while (woken > 0) {
		int n = wake_word(member, offset, (uint32_t)woken);

		ASSERT(n >= 0 && n <= woken);
		woken -= n;
		ASSERT(now_ns() < deadline);
		if (!n)
			sleep_ms(1);
	}
}

/* So many sleepers report, and no more. */
static void woken_are(int pipe_end, int expected)
{
	char byte;

	while (expected--)
		ASSERT_EQ(read(pipe_end, &byte, 1), 1);
	sleep_ms(200);
	fcntl(pipe_end, F_SETFL, O_NONBLOCK);
	ASSERT_ERRNO(read(pipe_end, &byte, 1), EAGAIN);
	fcntl(pipe_end, F_SETFL, 0);
}

TEST(wake_one_wakes_one)
{
	int member = join(create(1)), ends[2];
	pid_t a, b;

	ASSERT_EQ(pipe(ends), 0);
	a = start_sleeper(member, EVENT, ends[1]);
	b = start_sleeper(member, EVENT, ends[1]);
	wake_until(member, EVENT, 1);
	woken_are(ends[0], 1);
	wake_until(member, EVENT, 1);
	woken_are(ends[0], 1);
	kill_child(a);
	kill_child(b);
}

/* Whatever they wait for. One that is not asleep yet is woken by the next. */
TEST(a_death_wakes_all)
{
	int fd = create(1), member = join(fd), ends[2], n = 0;
	uint64_t deadline = in_ms(20000);
	pid_t a, b;
	char byte;

	ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
	a = start_sleeper(member, EVENT, ends[1]);
	b = start_sleeper(member, EVENT + 4, ends[1]);
	sleep_ms(300);
	ASSERT_ERRNO(read(ends[0], &byte, 1), EAGAIN);
	while (n < 2 && now_ns() < deadline) {
		close(join(fd));
		sleep_ms(10);
		n += read(ends[0], &byte, 1) == 1;
	}
	ASSERT_EQ(n, 2);
	kill_child(a);
	kill_child(b);
}

TEST(wake_is_for_one_word)
{
	int member = join(create(1)), ends[2];
	pid_t pid;

	ASSERT_EQ(pipe(ends), 0);
	pid = start_sleeper(member, EVENT, ends[1]);
	sleep_ms(200);
	ASSERT_EQ(wake_word(member, EVENT + 4, UINT32_MAX), 0);
	ASSERT_EQ(wake_word(member, EVENT, 0), 0);
	woken_are(ends[0], 0);
	wake_until(member, EVENT, 1);
	woken_are(ends[0], 1);
	kill_child(pid);
}

TEST(wake_all_wakes_all)
{
	int member = join(create(1)), ends[2], i, n = 0;
	uint64_t deadline = in_ms(20000);
	pid_t pid[5];

	ASSERT_EQ(pipe(ends), 0);
	for (i = 0; i < 5; i++)
		pid[i] = start_sleeper(member, EVENT, ends[1]);
	sleep_ms(500);
	while (n < 5 && now_ns() < deadline)
		n += wake_word(member, EVENT, UINT32_MAX);
	ASSERT_EQ(n, 5);
	woken_are(ends[0], 5);
	for (i = 0; i < 5; i++)
		kill_child(pid[i]);
}

/* Ping-pong: a wake-up lost in 2,000 would hang until the time limit. */
TEST(no_wake_up_is_lost)
{
	const uint32_t rounds = (uint32_t)ktap_rounds(2000);
	int member = join(create(1));
	uint32_t *words = map_words(member), *word = &words[EVENT / 4], i;
	pid_t pid = start_child();

	if (!pid) {
		int own = join_by(member, NULL);

		word = &map_words(own)[EVENT / 4];
		for (i = 1; i < 2 * rounds; i += 2) {
			while (load(word) != i)
				wait_word(own, EVENT, i - 1, DMASHM_NEVER);
			store(word, i + 1);
			ASSERT(wake_word(own, EVENT, 1) >= 0);
		}
		_exit(0);
	}
	for (i = 0; i < 2 * rounds; i += 2) {
		while (load(word) != i)
			wait_word(member, EVENT, i - 1, DMASHM_NEVER);
		store(word, i + 1);
		ASSERT(wake_word(member, EVENT, 1) >= 0);
	}
	wait_child(pid);
}

static int sleepers_member;

static void *sleep_in_thread(void *unused)
{
	/* The test's own tries to sleep may be in the way for a moment. */
	while (wait_word(sleepers_member, EVENT, 0, in_ms(50000)) && errno == EUSERS)
		sleep_ms(1);
	return unused;
}

/* So many threads asleep on one word, each on a small stack. */
static void fall_asleep(pthread_t *thread, int count, void *(*sleep)(void *))
{
	pthread_attr_t attr;
	int i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (i = 0; i < count; i++)
		ASSERT_EQ(pthread_create(&thread[i], &attr, sleep, NULL), 0);
}

TEST(sleepers_are_limited)
{
	static pthread_t thread[DMASHM_SLEEPERS];
	int i, woken = 0;
	char byte;
	uint64_t deadline = in_ms(40000);

	sleepers_member = join(create(1));
	fall_asleep(thread, DMASHM_SLEEPERS, sleep_in_thread);
	do {
		errno = 0;
		wait_word(sleepers_member, EVENT + 4, 0, in_ms(20));
	} while (errno == ETIMEDOUT && now_ns() < deadline);
	ASSERT_EQ(errno, EUSERS);
	/* Who need not sleep is not concerned. */
	ASSERT_ERRNO(wait_word(sleepers_member, EVENT, 1, 0), EAGAIN);
	ASSERT_EQ(pread(sleepers_member, &byte, 1, 0), 1);
	/* Nor is who sleeps for the barrier. */
	ASSERT_EQ(try_lock(sleepers_member), 0);
	ASSERT_ERRNO(lock_until(sleepers_member, in_ms(100)), ETIMEDOUT);
	ASSERT_EQ(unlock(sleepers_member), 0);
	woken = wake_word(sleepers_member, EVENT, UINT32_MAX);
	ASSERT_EQ(woken, DMASHM_SLEEPERS);
	for (i = 0; i < DMASHM_SLEEPERS; i++)
		pthread_join(thread[i], NULL);
	ASSERT_ERRNO(wait_word(sleepers_member, EVENT, 0, 0), ETIMEDOUT);
}

static void *lock_in_thread(void *unused)
{
	while (lock_shared_until(sleepers_member, in_ms(50000)) && errno == EUSERS)
		sleep_ms(1);
	ASSERT_EQ(unlock_shared(sleepers_member), 0);
	return unused;
}

/* So are those who sleep for the barrier, whoever they are. */
TEST(lockers_are_limited)
{
	static pthread_t thread[DMASHM_SLEEPERS];
	uint64_t deadline = in_ms(40000);
	int i, fd = create(1), member = join(fd), tester = open_tester(fd);
	char byte;

	sleepers_member = member;
	ASSERT_EQ(try_lock(member), 0);
	fall_asleep(thread, DMASHM_SLEEPERS, lock_in_thread);
	do {
		errno = 0;
		lock_until(member, in_ms(20));
	} while (errno == ETIMEDOUT && now_ns() < deadline);
	ASSERT_EQ(errno, EUSERS);
	ASSERT_ERRNO(pread(member, &byte, 1, 0), EUSERS);
	deadline = in_ms(100);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_LOCK, &deadline), EUSERS);
	ASSERT_ERRNO(wait_word(member, EVENT, 0, in_ms(20)), ETIMEDOUT);
	ASSERT_EQ(unlock(member), 0);
	for (i = 0; i < DMASHM_SLEEPERS; i++)
		pthread_join(thread[i], NULL);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_EQ(load(map_words(member)), DMASHM_HELD(1));
}

/* A deadline is meant as the caller's clock shows it. */
TEST(deadlines_keep_to_the_time_namespace)
{
	int member = join(create(1)), file;
	uint64_t before;
	pid_t pid;

	if (unshare(CLONE_NEWTIME))
		SKIP("this kernel has no time namespaces");
	file = open("/proc/self/timens_offsets", O_WRONLY);
	ASSERT(file >= 0);
	ASSERT(write(file, "monotonic 1000 0", 16) == 16);
	before = now_ns();
	pid = start_child();	/* children are in the new one */
	if (!pid) {
		ASSERT(now_ns() > before + 900000000000ull);
		before = now_ns();
		ASSERT_ERRNO(wait_word(member, EVENT, 0, in_ms(100)), ETIMEDOUT);
		ASSERT(now_ns() >= before + 100000000);
		ASSERT(now_ns() < before + 20000000000ull);
		_exit(0);
	}
	wait_child(pid);
}
