// SPDX-License-Identifier: MIT
/*
 * A member is killed after each single instruction of what it does with the
 * barrier (make check: after some, others each time). Whatever it had is
 * taken back, and a mark is left exactly if the word said that it was inside.
 */
#include <sched.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "library.h"

#define HOLDER (DMASHM_KIND_MASK | ~0xffu)

typedef void operation(struct dmashm_buffer *);

static void exclusively(struct dmashm_buffer *buf)
{
	dmashm_lock(buf);
	dmashm_unlock(buf);
}

static void shared(struct dmashm_buffer *buf)
{
	dmashm_lock_shared(buf);
	dmashm_unlock_shared(buf);
}

static void by_trying(struct dmashm_buffer *buf)
{
	if (!dmashm_trylock(buf))
		dmashm_unlock(buf);
	if (!dmashm_trylock_shared(buf))
		dmashm_unlock_shared(buf);
}

static void until_now(struct dmashm_buffer *buf)
{
	if (!dmashm_timedlock(buf, 0))
		dmashm_unlock(buf);
}

static void shared_until_now(struct dmashm_buffer *buf)
{
	if (!dmashm_timedlock_shared(buf, 0))
		dmashm_unlock_shared(buf);
}

static void in_a_bracket(struct dmashm_buffer *buf)
{
	dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER);
	dmashm_end(buf, DMASHM_WRITE | DMASHM_SYNC);
}

static void waiting(struct dmashm_buffer *buf)
{
	dmashm_wait(buf, 0, 1, DMASHM_NEVER);
}

static void waking(struct dmashm_buffer *buf)
{
	dmashm_wake(buf, 0, 1);
}

static void sleeping_in_the_middle(struct dmashm_buffer *buf)
{
	dmashm_lock(buf);
	dmashm_cond_wait(buf, 0, 0, 1, DMASHM_NEVER);
	dmashm_unlock(buf);
}

static void repairing(struct dmashm_buffer *buf)
{
	if (dmashm_lock(buf) == -EOWNERDEAD)
		dmashm_recover(buf);
	dmashm_unlock(buf);
}

/* Where the debugger takes over, as few instructions before as can be had. */
static inline void stop_here(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("int3");
#else
	raise(SIGSTOP);
#endif
}

/* Stops before the operation, and ends after it. */
static pid_t start_traced(struct dmashm_buffer *buf, operation *operate)
{
	pid_t pid = start_child();
	int status;

	if (!pid) {
		/*
		 * Joins now, and has an error, so that what is traced is not
		 * joining, nor the first use of errno.
		 */
		ASSERT(dmashm_event(buf, 0));
		ASSERT_EQ(dmashm_wait(buf, 0, 1, 0), 0);
		ASSERT_EQ(ptrace(PTRACE_TRACEME, 0, NULL, NULL), 0);
		stop_here();
		operate(buf);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT(WIFSTOPPED(status));
	return pid;
}

/* Does it sleep in a system call? */
static bool sleeps(pid_t pid)
{
	char path[32], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	ASSERT(file);
	ASSERT_EQ(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
	fclose(file);
	return state == 'S';
}

/* May the next instruction sleep? */
static bool is_system_call(pid_t pid)
{
#ifdef __x86_64__
	long at = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), NULL);

	return (ptrace(PTRACE_PEEKTEXT, pid, at, NULL) & 0xffff) == 0x050f;
#else
	(void)pid;
	return true;
#endif
}

/* One instruction; false if it has ended, or sleeps in the kernel. */
static bool step(pid_t pid)
{
	bool may_sleep = is_system_call(pid);
	int status, asleep = 0;

	ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	while (!waitpid(pid, &status, may_sleep ? WNOHANG : 0)) {
		sleep_ms(1);
		asleep = sleeps(pid) ? asleep + 1 : 0;
		if (asleep == 20)
			return false;
	}
	return WIFSTOPPED(status);
}

static void take_it_back(struct dmashm_buffer *buf, bool mark)
{
	ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(10 * SECOND)), mark ? -EOWNERDEAD : 0);
	ASSERT_EQ(dmashm_recover(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(load(words_of(buf)), 0);
}

/* What another member does meanwhile. */
enum other { NOTHING, READS, HOLDS, HAS_DIED };

/*
 * A child is killed after @n steps. False if it did not get so far, for it ended
 * or sleeps.
 */
static bool kill_after(struct dmashm_buffer *buf, operation *operate, enum other other, int n)
{
	struct dmashm_buffer *second = twin(buf);
	uint32_t *word = words_of(buf);
	bool inside, died = other == HAS_DIED;
	pid_t pid;
	int i;

	if (died) {
		ASSERT_EQ(dmashm_lock(second), 0);
		dmashm_close(second);
		second = twin(buf);
	}
	pid = start_traced(buf, operate);
	if (other == READS)
		ASSERT_EQ(dmashm_lock_shared(second), 0);
	if (other == HOLDS)
		ASSERT_EQ(dmashm_lock(second), 0);
	for (i = 0; i < n; i++)
		if (!step(pid))
			break;
	/*
	 * It stands still between two instructions: what the word says counts.
	 * Asleep in the kernel it is not inside yet.
	 */
	inside = i == n && other != HOLDS && (load(word) & DMASHM_KIND_MASK) == DMASHM_KIND_USER;
	inside |= died && load(word) & DMASHM_DIED;
	if (i == n || waitpid(pid, NULL, WNOHANG) == 0) {
		ASSERT_EQ(kill(pid, SIGKILL), 0);
		while (waitpid(pid, NULL, 0) != pid)
			;
	}
	if (other == READS)
		ASSERT_EQ(dmashm_unlock_shared(second), 0);
	if (other == HOLDS)
		ASSERT_EQ(dmashm_unlock(second), 0);
	take_it_back(buf, inside);
	dmashm_close(second);
	return i == n;
}

static int count_steps(struct dmashm_buffer *buf, operation *operate, enum other other)
{
	int n = 1 << 20, reached;

	for (reached = 1; reached < n && kill_after(buf, operate, other, reached); reached *= 2)
		;
	/* Between the half and the whole of it lies the end. */
	for (n = reached, reached /= 2; n - reached > 1;) {
		int middle = (n + reached) / 2;

		if (kill_after(buf, operate, other, middle))
			reached = middle;
		else
			n = middle;
	}
	return reached;
}

/* Each step; of long ones, which spin, the beginning, the end and samples. */
static void kill_at_each_step(operation *operate, enum other other)
{
	struct dmashm_buffer *buf = new_buffer(1);
	int total, n, kills = 0, every = (int)ktap_every();
	uint64_t before = now_ns();
	cpu_set_t one;

	/* On one CPU: handing over to another for each step takes its time. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	total = count_steps(buf, operate, other);

	for (n = (int)(before % (uint64_t)every); n < total + 2; kills++) {
		kill_after(buf, operate, other, n);
		n += every * (n < 100 || n > total - 60 ? 1 : 31);
	}
	printf("# %d steps, %d kills, %llu s\n", total, kills,
	       (unsigned long long)((now_ns() - before) / SECOND));
	fflush(stdout);
	ASSERT(total > 10);
}

TEST_LIMIT(locking_exclusively, 120) { kill_at_each_step(exclusively, NOTHING); }
TEST_LIMIT(locking_shared, 120) { kill_at_each_step(shared, NOTHING); }
TEST_LIMIT(trying, 120) { kill_at_each_step(by_trying, NOTHING); }
TEST_LIMIT(bracketing, 120) { kill_at_each_step(in_a_bracket, NOTHING); }
TEST_LIMIT(waiting_for_an_event, 120) { kill_at_each_step(waiting, NOTHING); }
TEST_LIMIT(waking_who_waits, 120) { kill_at_each_step(waking, NOTHING); }
TEST_LIMIT(waiting_in_the_middle, 120) { kill_at_each_step(sleeping_in_the_middle, NOTHING); }
TEST_LIMIT(recovering, 120) { kill_at_each_step(repairing, HAS_DIED); }
TEST_LIMIT(trying_while_another_reads, 120) { kill_at_each_step(by_trying, READS); }
TEST_LIMIT(trying_while_another_holds, 120) { kill_at_each_step(by_trying, HOLDS); }
TEST_LIMIT(locking_while_another_reads, 120) { kill_at_each_step(exclusively, READS); }
TEST_LIMIT(locking_while_another_holds, 120) { kill_at_each_step(exclusively, HOLDS); }
TEST_LIMIT(sharing_while_another_holds, 120) { kill_at_each_step(shared, HOLDS); }
TEST_LIMIT(giving_up_while_another_reads, 120) { kill_at_each_step(until_now, READS); }
TEST_LIMIT(giving_up_while_another_holds, 120) { kill_at_each_step(until_now, HOLDS); }
TEST_LIMIT(sharing_is_given_up_while_another_holds, 120) { kill_at_each_step(shared_until_now, HOLDS); }
