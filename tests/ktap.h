/* SPDX-License-Identifier: MIT */
/*
 * A test program is a set of TEST()s. Each runs in a process of its own with a
 * time limit, so one that crashes or hangs fails alone. The results are KTAP.
 *
 *	TEST(close_frees_the_fd)
 *	{
 *		int fd = open(...);
 *
 *		ASSERT(fd >= 0);
 *		ASSERT_EQ(close(fd), 0);
 *	}
 *
 * The assertions may be used in children too: they end the process that finds
 * the fault, and wait_child() makes that the parent's failure.
 */
#ifndef KTAP_H
#define KTAP_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KTAP_SECONDS	60	/* for one test; longer ones say TEST_LIMIT() */
#define KTAP_SLOW	"DMASHM_SLOW"	/* in the environment: times as many */
#define KTAP_EVERY	"DMASHM_EVERY"	/* 8: of what is many cases, each eighth */
#define KTAP_LONG	5	/* from so many on it is said how many it took */
#define KTAP_FAIL	1
#define KTAP_SKIP	4

struct ktap_test {
	const char *name;
	void (*run)(void);
	unsigned int seconds;
	struct ktap_test *next;
};

static struct ktap_test *ktap_first;
static struct ktap_test **ktap_last __attribute__((unused)) = &ktap_first;
static char ktap_reason[256];	/* of a skip; a shared page would be overdone */

#define TEST_LIMIT(test, limit)						\
	static void test(void);						\
	static struct ktap_test ktap_##test = {				\
		.name = #test, .run = (test), .seconds = (limit),		\
	};								\
	__attribute__((constructor)) static void ktap_add_##test(void)	\
	{								\
		*ktap_last = &ktap_##test;				\
		ktap_last = &ktap_##test.next;				\
	}								\
	static void test(void)

#define TEST(test) TEST_LIMIT(test, KTAP_SECONDS)

#define FAIL(...)							\
	do {								\
		dprintf(1, "# %s:%d: ", __FILE__, __LINE__);		\
		dprintf(1, __VA_ARGS__);				\
		dprintf(1, "\n");					\
		_exit(KTAP_FAIL);					\
	} while (0)

#define ASSERT(condition)						\
	do {								\
		if (!(condition))					\
			FAIL("not true: %s (errno %d)", #condition, errno); \
	} while (0)

#define ASSERT_EQ(found, expected)					\
	do {								\
		long long ktap_f = (long long)(found);			\
		long long ktap_e = (long long)(expected);		\
									\
		if (ktap_f != ktap_e)					\
			FAIL("%s is %lld, not %lld (%s)", #found, ktap_f, \
			     ktap_e, #expected);			\
	} while (0)

/* A system call that must fail: returns -1 with this errno. */
#define ASSERT_ERRNO(call, expected)					\
	do {								\
		long long ktap_r;					\
									\
		errno = 0;						\
		ktap_r = (long long)(call);				\
		if (ktap_r != -1 || errno != (expected))		\
			FAIL("%s gives %lld, errno %d, not errno %d (%s)", \
			     #call, ktap_r, errno, (expected), #expected); \
	} while (0)

#define SKIP(...)							\
	do {								\
		dprintf(3, __VA_ARGS__);				\
		_exit(KTAP_SKIP);					\
	} while (0)

/* Fork; the child runs on and must end by _exit(). */
static inline pid_t start_child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		FAIL("fork: errno %d", errno);
	return pid;
}

/* The child must have ended well. */
static inline void wait_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		FAIL("waitpid: errno %d", errno);
	if (status)
		FAIL("child ended with status %#x", status);
}

/* The child must have lived until now: it may have found a fault. */
static inline void kill_child(pid_t pid)
{
	int status;

	if (kill(pid, SIGKILL) || waitpid(pid, &status, 0) != pid)
		FAIL("killing a child: errno %d", errno);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		FAIL("child had ended before, with status %#x", status);
}

/* A number in the environment, 1 to 1000. */
static inline unsigned int ktap_number(const char *name)
{
	const char *wanted = getenv(name);
	long n = wanted ? strtol(wanted, NULL, 10) : 1;

	if (n < 1)
		return 1;
	return n < 1000 ? (unsigned int)n : 1000;
}

/* How many times slower this machine is than those that the limits are for. */
static inline unsigned int ktap_slow(void) { return ktap_number(KTAP_SLOW); }

/* Of many cases that are alike, one of so many is to be tried, beginning with any. */
static inline unsigned int ktap_every(void) { return ktap_number(KTAP_EVERY); }

/* So many rounds of something, or fewer where each takes longer. */
static inline int ktap_rounds(int n)
{
	int rounds = n / (int)ktap_slow();

	return rounds ? rounds : 1;
}

static inline int ktap_run(const struct ktap_test *test)
{
	int reason[2], status;
	ssize_t n;
	pid_t pid;

	fflush(stdout);
	if (pipe(reason))
		return KTAP_FAIL;
	pid = fork();
	if (!pid) {
		/* The group ends with the test: no child survives it. */
		setpgid(0, 0);
		dup2(reason[1], 3);
		alarm(test->seconds * ktap_slow());
		test->run();
		_exit(0);
	}
	close(reason[1]);
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL);
	n = read(reason[0], ktap_reason, sizeof(ktap_reason) - 1);
	ktap_reason[n > 0 ? n : 0] = '\0';
	close(reason[0]);
	if (WIFSIGNALED(status))
		printf("# ended by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? " (time limit)" : "");
	return WIFEXITED(status) ? WEXITSTATUS(status) : KTAP_FAIL;
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	const struct ktap_test *test;
	int n = 0, failed = 0, result;
	time_t begun;

	for (test = ktap_first; test; test = test->next)
		n += !only || strstr(test->name, only);
	printf("KTAP version 1\n1..%d\n", n);
	n = 0;
	for (test = ktap_first; test; test = test->next) {
		if (only && !strstr(test->name, only))
			continue;
		begun = time(NULL);
		result = ktap_run(test);
		if (time(NULL) - begun >= KTAP_LONG)
			printf("# %s took %lld s\n", test->name,
			       (long long)(time(NULL) - begun));
		failed += result && result != KTAP_SKIP;
		printf("%sok %d %s%s%s\n",
		       result && result != KTAP_SKIP ? "not " : "", ++n,
		       test->name, result == KTAP_SKIP ? " # SKIP " : "",
		       result == KTAP_SKIP ? ktap_reason : "");
	}
	fflush(stdout);
	return failed != 0;
}

#endif /* KTAP_H */
