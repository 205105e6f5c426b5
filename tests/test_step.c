// SPDX-License-Identifier: MIT
/*
 * A member is killed after each single instruction of what it does with the
 * barrier. Whatever it had is taken back, and a mark is left exactly if the
 * word said that it was inside.
 */
#include <sched.h>
#include <sys/ptrace.h>

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
	if (!dmashm_timedlock_shared(buf, 0))
		dmashm_unlock_shared(buf);
}

static void in_a_bracket(struct dmashm_buffer *buf)
{
	dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER);
	dmashm_end(buf, DMASHM_WRITE | DMASHM_SYNC);
}

static void waiting_and_waking(struct dmashm_buffer *buf)
{
	dmashm_wait(buf, 0, 1, DMASHM_NEVER);
	dmashm_wait(buf, 0, 0, 0);
	dmashm_wake(buf, 0, 1);
	dmashm_lock(buf);
	dmashm_cond_wait(buf, 0, 0, 0, 0);
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
		/* Joins now, so that what is traced is the locking alone. */
		ASSERT(dmashm_event(buf, 0));
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

/* One instruction; false if it has ended, or sleeps in the kernel. */
static bool step(pid_t pid)
{
	int status, looks = 0, asleep = 0;

	ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	while (!waitpid(pid, &status, WNOHANG)) {
		sched_yield();
		/* Long enough: is it still on its way? */
		asleep = ++looks % 100 ? asleep : sleeps(pid) ? asleep + 1 : 0;
		if (asleep == 5)
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

/* @other is what another member does meanwhile: nothing, 's'hared, 'e'xclusive, 'd'ied. */
static void kill_at_each_step(operation *operate, char other)
{
	struct dmashm_buffer *buf = new_buffer(1), *second = twin(buf);
	uint32_t *word = words_of(buf);
	int total = 1, n;

	for (n = 0; n < total; n++) {
		pid_t pid;
		uint32_t last;
		bool inside;
		int i;

		if (other == 'd') {
			dmashm_close(second);
			second = twin(buf);
			ASSERT_EQ(dmashm_lock(second), 0);
			dmashm_close(second);
			second = twin(buf);
		}
		pid = start_traced(buf, operate);
		if (other == 's')
			ASSERT_EQ(dmashm_lock_shared(second), 0);
		if (other == 'e')
			ASSERT_EQ(dmashm_lock(second), 0);
		last = load(word) & DMASHM_DIED;
		for (i = 0; i < n; i++)
			if (!step(pid))
				break;
		if (i == n && n == total - 1)
			total++;
		/*
		 * It stands still between two instructions: what the word says
		 * counts. Asleep in the kernel it is not inside yet.
		 */
		inside = i == n && other != 'e' &&
			 (load(word) & DMASHM_KIND_MASK) == DMASHM_KIND_USER;
		inside |= last && load(word) & DMASHM_DIED;
		if (i == n || waitpid(pid, NULL, WNOHANG) == 0) {
			ASSERT_EQ(kill(pid, SIGKILL), 0);
			while (waitpid(pid, NULL, 0) != pid)
				;
		}
		if (other == 's')
			ASSERT_EQ(dmashm_unlock_shared(second), 0);
		if (other == 'e')
			ASSERT_EQ(dmashm_unlock(second), 0);
		take_it_back(buf, inside);
	}
	printf("# %d steps\n", total);
	fflush(stdout);
	ASSERT(total > 20);
}

TEST_LIMIT(locking_exclusively, 120) { kill_at_each_step(exclusively, 0); }
TEST_LIMIT(locking_shared, 120) { kill_at_each_step(shared, 0); }
TEST_LIMIT(trying, 120) { kill_at_each_step(by_trying, 0); }
TEST_LIMIT(bracketing, 120) { kill_at_each_step(in_a_bracket, 0); }
TEST_LIMIT(waiting, 120) { kill_at_each_step(waiting_and_waking, 0); }
TEST_LIMIT(recovering, 120) { kill_at_each_step(repairing, 'd'); }
TEST_LIMIT(trying_while_another_reads, 120) { kill_at_each_step(by_trying, 's'); }
TEST_LIMIT(trying_while_another_holds, 120) { kill_at_each_step(by_trying, 'e'); }
TEST_LIMIT(locking_while_another_reads, 120) { kill_at_each_step(exclusively, 's'); }
TEST_LIMIT(locking_while_another_holds, 120) { kill_at_each_step(exclusively, 'e'); }
TEST_LIMIT(sharing_while_another_holds, 120) { kill_at_each_step(shared, 'e'); }
TEST_LIMIT(giving_up_while_another_reads, 120) { kill_at_each_step(until_now, 's'); }
TEST_LIMIT(giving_up_while_another_holds, 120) { kill_at_each_step(until_now, 'e'); }
