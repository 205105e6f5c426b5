// SPDX-License-Identifier: MIT
/* libdmashm: handles, mappings, the barrier, brackets, events, fork. */
#include <pthread.h>
#include <sys/resource.h>

#include "library.h"
#include "memory.h"

static int count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST(create_refuses_bad_arguments)
{
	struct dmashm_buffer *buf = (void *)1;

	ASSERT_EQ(dmashm_create(0, NULL, 0, &buf), -EINVAL);
	ASSERT_EQ(dmashm_create(1, NULL, 2, &buf), -EINVAL);
	ASSERT_EQ(dmashm_create(1, NULL, 0, NULL), -EINVAL);
	ASSERT_EQ(dmashm_create(1, "0123456789012345678901234567890", 0, &buf), 0);
	dmashm_close(buf);
	buf = (void *)1;
	ASSERT_EQ(dmashm_create(1, "01234567890123456789012345678901", 0, &buf), -EINVAL);
	ASSERT_EQ(dmashm_create(SIZE_MAX, NULL, 0, &buf), -EFBIG);
	ASSERT(buf == (void *)1);
}

TEST(create_without_the_right_is_eacces)
{
	struct dmashm_buffer *buf;

	ASSERT_EQ(setuid(65534), 0);
	ASSERT_EQ(dmashm_create(1, NULL, 0, &buf), -EACCES);
}

TEST(the_name_shows_in_proc)
{
	char path[64], text[1024] = "";
	struct dmashm_buffer *buf = new_buffer(1);
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dmashm_fd(buf));
	file = fopen(path, "r");
	ASSERT(file && fread(text, 1, sizeof(text) - 1, file) > 0);
	ASSERT(strstr(text, "name:\ttest\n"));
}

TEST(close_leaves_nothing)
{
	int fds = count_fds(), round;

	dmashm_close(NULL);
	for (round = 0; round < 100; round++) {
		struct dmashm_buffer *buf = new_buffer(3 * MIB);
		void *addr;

		ASSERT_EQ(dmashm_map(buf, PROT_READ | PROT_WRITE, &addr), 0);
		memset(addr, 1, dmashm_size(buf));
		dmashm_close(buf);
		ASSERT_EQ(count_fds(), fds);
	}
}

TEST(import_refuses_what_does_not_fit)
{
	struct dmashm_buffer *buf = new_buffer(1), *other = new_buffer(1), *out;
	int fds = count_fds();

	ASSERT_EQ(dmashm_import(-1, -1, &out), -EBADF);
	ASSERT_EQ(dmashm_import(0, -1, &out), -EINVAL);
	ASSERT_EQ(dmashm_import(dmashm_fd(buf), 0, &out), -ENOTTY);
	ASSERT_EQ(dmashm_import(dmashm_fd(buf), 200, &out), -EBADF);
	ASSERT_EQ(dmashm_import(dmashm_fd(buf), dmashm_member_fd(other), &out), -EXDEV);
	ASSERT_EQ(dmashm_import(dmashm_fd(buf), -1, NULL), -EINVAL);
	ASSERT_EQ(count_fds(), fds);
	ASSERT_EQ(dmashm_import(dmashm_fd(buf), -1, &out), 0);
	dmashm_close(out);
	ASSERT_EQ(count_fds(), fds);
}

TEST(maps_are_aligned_to_2_mib)
{
	struct dmashm_buffer *buf = new_buffer(5 * MIB);
	char *a, *b;
	void *p;

	ASSERT_EQ(dmashm_map(buf, PROT_READ | PROT_WRITE, &p), 0);
	a = p;
	ASSERT_EQ((uintptr_t)a % (2 * MIB), 0);
	ASSERT_EQ(dmashm_map(buf, PROT_READ, &p), 0);
	b = p;
	ASSERT_EQ((uintptr_t)b % (2 * MIB), 0);
	strcpy(a + 5 * MIB - 8, "asdf");
	ASSERT_EQ(strcmp(b + 5 * MIB - 8, "asdf"), 0);
	ASSERT_EQ(dmashm_unmap(buf, a + 4096), -EINVAL);
	ASSERT_EQ(dmashm_unmap(buf, a), 0);
	ASSERT_EQ(dmashm_unmap(buf, a), -EINVAL);
	ASSERT_EQ(dmashm_unmap(buf, b), 0);
	ASSERT_EQ(dmashm_map(buf, PROT_READ, NULL), -EINVAL);
	ASSERT_EQ(dmashm_map(buf, PROT_EXEC << 4, &p), -EINVAL);
}

TEST(deadlines_saturate)
{
	uint64_t before = now_ns(), got = dmashm_deadline(SECOND);

	ASSERT(got >= before + SECOND && got <= now_ns() + SECOND);
	ASSERT(dmashm_deadline(UINT64_MAX) == DMASHM_NEVER);
	ASSERT(dmashm_deadline(UINT64_MAX - 1) == DMASHM_NEVER);
}

TEST(lock_and_unlock)
{
	struct dmashm_buffer *a = new_buffer(1), *b = twin(a);

	ASSERT_EQ(dmashm_unlock(a), -EPERM);
	ASSERT_EQ(dmashm_recover(a), -EPERM);
	ASSERT_EQ(dmashm_lock(a), 0);
	ASSERT_EQ(dmashm_trylock(b), -EBUSY);
	ASSERT_EQ(dmashm_timedlock(b, dmashm_deadline(SECOND / 20)), -ETIMEDOUT);
	ASSERT_EQ(dmashm_timedlock(b, 0), -ETIMEDOUT);
	ASSERT_EQ(dmashm_unlock(b), -EPERM);
	ASSERT_EQ(dmashm_unlock(a), 0);
	ASSERT_EQ(dmashm_timedlock(b, 0), 0);
	ASSERT_EQ(dmashm_unlock(b), 0);
	ASSERT_EQ(dmashm_trylock(a), 0);
	ASSERT_EQ(dmashm_unlock(a), 0);
}

/* As test_barrier's each_unlock_wakes_the_next, for the library's own code. */
TEST(each_unlock_wakes_the_next)
{
	struct dmashm_buffer *buf = new_buffer(1);
	int ends[2], i;
	pid_t pid[3];
	char byte;

	ASSERT_EQ(pipe(ends), 0);
	ASSERT_EQ(dmashm_lock(buf), 0);
	for (i = 0; i < 3; i++) {
		pid[i] = start_child();
		if (!pid[i]) {
			ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(30 * SECOND)), 0);
			ASSERT_EQ(dmashm_unlock(buf), 0);
			ASSERT_EQ(write(ends[1], "x", 1), 1);
			for (;;)
				pause();
		}
	}
	sleep_ms(1000);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	alarm(20);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(read(ends[0], &byte, 1), 1);
	for (i = 0; i < 3; i++)
		kill_child(pid[i]);
}

TEST(closing_while_holding_is_a_death)
{
	struct dmashm_buffer *a = new_buffer(1), *b = twin(a);

	ASSERT_EQ(dmashm_lock(b), 0);
	dmashm_close(b);
	ASSERT_EQ(dmashm_lock(a), -EOWNERDEAD);
	ASSERT_EQ(dmashm_recover(a), 0);
	ASSERT_EQ(dmashm_unlock(a), 0);
	ASSERT_EQ(dmashm_lock(a), 0);
}

TEST(a_killed_holder_is_eownerdead)
{
	struct dmashm_buffer *buf = new_buffer(1);
	int ends[2], round;
	char byte;
	pid_t pid;

	for (round = 0; round < 20; round++) {
		ASSERT_EQ(pipe(ends), 0);
		pid = start_child();
		if (!pid) {
			ASSERT_EQ(dmashm_lock(buf), 0);
			ASSERT_EQ(write(ends[1], "x", 1), 1);
			for (;;)
				pause();
		}
		ASSERT_EQ(read(ends[0], &byte, 1), 1);
		ASSERT_EQ(dmashm_trylock(buf), -EBUSY);
		kill_child(pid);
		ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(5 * SECOND)), -EOWNERDEAD);
		ASSERT_EQ(dmashm_unlock(buf), 0);
		ASSERT_EQ(dmashm_lock(buf), -EOWNERDEAD);
		ASSERT_EQ(dmashm_recover(buf), 0);
		ASSERT_EQ(dmashm_unlock(buf), 0);
		ASSERT_EQ(dmashm_lock(buf), 0);
		ASSERT_EQ(dmashm_unlock(buf), 0);
		close(ends[0]);
		close(ends[1]);
	}
}

/* The child has the handle, but is a member of its own. */
TEST(a_child_goes_on_with_the_handle)
{
	struct dmashm_buffer *buf = new_buffer(1);
	int ends[2];
	void *addr;
	char byte;
	pid_t pid;

	ASSERT_EQ(dmashm_map(buf, PROT_READ | PROT_WRITE, &addr), 0);
	ASSERT_EQ(pipe(ends), 0);
	ASSERT_EQ(dmashm_lock(buf), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(dmashm_unlock(buf), -EPERM);
		ASSERT_EQ(dmashm_recover(buf), -EPERM);
		ASSERT_EQ(dmashm_trylock(buf), -EBUSY);
		ASSERT_EQ(write(ends[1], "x", 1), 1);
		ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(20 * SECOND)), 0);
		ASSERT_EQ(*(int *)addr, 4711);
		*(int *)addr = 4712;
		ASSERT_EQ(dmashm_unlock(buf), 0);
		dmashm_close(buf);
		_exit(0);
	}
	ASSERT_EQ(read(ends[0], &byte, 1), 1);
	*(int *)addr = 4711;
	ASSERT_EQ(dmashm_unlock(buf), 0);
	wait_child(pid);
	ASSERT_EQ(dmashm_lock(buf), 0);
	ASSERT_EQ(*(int *)addr, 4712);
	ASSERT_EQ(dmashm_unlock(buf), 0);
}

TEST(a_child_that_closes_takes_nothing_away)
{
	struct dmashm_buffer *buf = new_buffer(1);
	pid_t pid;

	ASSERT_EQ(dmashm_lock(buf), 0);
	pid = start_child();
	if (!pid) {
		dmashm_close(buf);
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(dmashm_lock(buf), 0);
}

TEST(brackets_check_their_arguments)
{
	struct dmashm_buffer *buf = new_buffer(1);

	ASSERT_EQ(dmashm_begin(buf, 0, DMASHM_NEVER), -EINVAL);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_SYNC, DMASHM_NEVER), -EINVAL);
	ASSERT_EQ(dmashm_begin(buf, 8 | DMASHM_READ, DMASHM_NEVER), -EINVAL);
	ASSERT_EQ(dmashm_end(buf, 0), -EINVAL);
	ASSERT_EQ(dmashm_end(buf, DMASHM_READ), -EPERM);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_READ, DMASHM_NEVER), 0);
	ASSERT_EQ(dmashm_end(buf, 8), -EINVAL);
	ASSERT_EQ(dmashm_end(buf, DMASHM_READ), 0);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_READ | DMASHM_WRITE, 0), 0);
	ASSERT_EQ(dmashm_end(buf, DMASHM_READ | DMASHM_WRITE), 0);
}

TEST(brackets_take_the_barrier)
{
	struct dmashm_buffer *a = new_buffer(1), *b = twin(a);

	ASSERT_EQ(dmashm_begin(a, DMASHM_WRITE, 0), 0);
	ASSERT_EQ(dmashm_begin(b, DMASHM_WRITE, dmashm_deadline(SECOND / 50)), -ETIMEDOUT);
	ASSERT_EQ(dmashm_begin(b, DMASHM_READ, dmashm_deadline(SECOND / 50)), -ETIMEDOUT);
	ASSERT_EQ(dmashm_end(a, DMASHM_WRITE), 0);
	ASSERT_EQ(dmashm_begin(b, DMASHM_WRITE, 0), 0);
	dmashm_close(b);
	ASSERT_EQ(dmashm_begin(a, DMASHM_WRITE, dmashm_deadline(5 * SECOND)), -EOWNERDEAD);
	ASSERT_EQ(dmashm_recover(a), 0);
	ASSERT_EQ(dmashm_end(a, DMASHM_WRITE), 0);
}

TEST(events_are_shared_words)
{
	struct dmashm_buffer *a = new_buffer(1), *b = twin(a);
	uint32_t *word = dmashm_event(a, 7);

	ASSERT(word && dmashm_event(b, 7) != word);
	store(word, 5);
	ASSERT_EQ(load(dmashm_event(b, 7)), 5);
	ASSERT(dmashm_event(a, DMASHM_EVENT_COUNT - 1));
	ASSERT(!dmashm_event(a, DMASHM_EVENT_COUNT));
	ASSERT_EQ(dmashm_wait(a, DMASHM_EVENT_COUNT, 0, 0), -EINVAL);
	ASSERT_EQ(dmashm_wake(a, DMASHM_EVENT_COUNT, 1), -EINVAL);
	ASSERT_EQ(dmashm_wait(a, 7, 4, DMASHM_NEVER), 0);
	ASSERT_EQ(dmashm_wait(a, 7, 5, dmashm_deadline(SECOND / 50)), -ETIMEDOUT);
	ASSERT_EQ(dmashm_wake(a, 7, UINT32_MAX), 0);
}

TEST(a_child_is_woken)
{
	struct dmashm_buffer *buf = new_buffer(1);
	pid_t pid = start_child();

	if (!pid) {
		while (!load(dmashm_event(buf, 0)))
			ASSERT_EQ(dmashm_wait(buf, 0, 0, dmashm_deadline(20 * SECOND)), 0);
		_exit(0);
	}
	sleep_ms(200);
	store(dmashm_event(buf, 0), 1);
	ASSERT(dmashm_wake(buf, 0, 1) >= 0);	/* it may not sleep yet */
	wait_child(pid);
}

static struct dmashm_buffer *shared;
static volatile uint64_t *shared_counter;

static void *add_in_thread(void *data)
{
	int i;

	for (i = 0; i < 20000; i++) {
		ASSERT_EQ(dmashm_lock(shared), 0);
		*shared_counter = *shared_counter + 1;
		ASSERT_EQ(dmashm_unlock(shared), 0);
	}
	return data;
}

/* Threads of two processes on one handle each. */
TEST(threads_and_processes_exclude_each_other)
{
	pthread_t thread[3];
	void *addr;
	pid_t pid;
	int i;

	shared = new_buffer(1);
	ASSERT_EQ(dmashm_map(shared, PROT_READ | PROT_WRITE, &addr), 0);
	shared_counter = addr;
	pid = start_child();
	for (i = 0; i < 3; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, add_in_thread, NULL), 0);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	if (!pid)
		_exit(0);
	wait_child(pid);
	ASSERT_EQ(*shared_counter, 6 * 20000);
}

TEST(touching_64_mib_takes_few_faults)
{
	struct dmashm_buffer *buf = new_buffer(64 * MIB);
	size_t i;
	long before;
	void *addr;

	ASSERT_EQ(dmashm_map(buf, PROT_READ | PROT_WRITE, &addr), 0);
	before = faults();
	for (i = 0; i < 64 * MIB; i += page_size())
		((volatile char *)addr)[i] = 1;
	before = faults() - before;
	if (before > 40)
		FAIL("%ld faults, %zu of %zu pages are single", before,
		     single_pages(addr, 64 * MIB), 64 * MIB / page_size());
}
