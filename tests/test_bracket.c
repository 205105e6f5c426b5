// SPDX-License-Identifier: MIT
/* Brackets: when DMA_BUF_IOCTL_SYNC is done, and sleeping in the middle. */
#include <xf86drm.h>

#include "library.h"

/* An importer that is attached until its fd is closed. */
static int attach(struct dmashm_buffer *buf)
{
	uint32_t handle;
	int vgem;

	if (!load_module("vgem"))
		SKIP("this kernel has no vgem");
	vgem = drmOpen("vgem", NULL);
	ASSERT(vgem >= 0);
	ASSERT_EQ(drmPrimeFDToHandle(vgem, dmashm_fd(buf), &handle), 0);
	return vgem;
}

static void attachments_are(struct dmashm_buffer *buf, uint32_t expected)
{
	const struct dmashm_facts *facts = map_facts(dmashm_member_fd(buf));
	uint64_t late = in_ms(10000);

	while (load(&facts->attachments) != expected) {
		ASSERT(now_ns() < late);
		sleep_ms(1);
	}
	munmap((void *)(uintptr_t)facts, page_size());
}

static void bracket(struct dmashm_buffer *buf, unsigned int begin, unsigned int end)
{
	if (dmashm_begin(buf, begin, DMASHM_NEVER) || dmashm_end(buf, end))
		syscall(SYS_exit, 1);
}

static void read_and_write(struct dmashm_buffer *buf)
{
	bracket(buf, DMASHM_READ, DMASHM_READ);
	bracket(buf, DMASHM_WRITE, DMASHM_WRITE);
	bracket(buf, DMASHM_READ | DMASHM_WRITE, DMASHM_READ | DMASHM_WRITE);
}

static void begin_with_sync(struct dmashm_buffer *buf)
{
	dmashm_begin(buf, DMASHM_READ | DMASHM_SYNC, DMASHM_NEVER);
}

static void end_with_sync(struct dmashm_buffer *buf)
{
	bracket(buf, DMASHM_WRITE, DMASHM_WRITE | DMASHM_SYNC);
}

static void only_begin(struct dmashm_buffer *buf)
{
	dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER);
}

TEST(without_a_device_there_is_no_system_call)
{
	ASSERT(without_system_calls(read_and_write, new_buffer(1)));
}

TEST(with_the_flag_there_is_one_at_either_end)
{
	ASSERT(!without_system_calls(begin_with_sync, new_buffer(1)));
	ASSERT(!without_system_calls(end_with_sync, new_buffer(1)));
}

TEST(with_a_device_there_is_one_until_it_goes)
{
	struct dmashm_buffer *buf = new_buffer(1);
	int device = attach(buf);

	ASSERT(!without_system_calls(only_begin, buf));
	/* What the child had is taken back; no device, no system call. */
	ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(5 * SECOND)), -EOWNERDEAD);
	ASSERT_EQ(dmashm_recover(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	close(device);
	attachments_are(buf, 0);
	ASSERT(without_system_calls(read_and_write, buf));
}

/* The bracket began without a device and ends with one: it is not missed. */
TEST(a_device_that_comes_meanwhile_is_seen_at_the_end)
{
	struct dmashm_buffer *buf = new_buffer(1);
	int ends[2], status;
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(pipe(ends), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
		ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
		store(dmashm_event(buf, 0), 1);
		if (read(ends[0], &byte, 1) == 1)
			dmashm_end(buf, DMASHM_WRITE);
		syscall(SYS_exit, 0);
	}
	while (!load(dmashm_event(buf, 0)))
		sleep_ms(1);
	attach(buf);
	ASSERT_EQ(write(ends[1], &byte, 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(brackets_work_with_a_device)
{
	struct dmashm_buffer *buf = new_buffer(1);

	attach(buf);
	read_and_write(buf);
	bracket(buf, DMASHM_READ | DMASHM_SYNC, DMASHM_READ);
	ASSERT_EQ(dmashm_trylock(buf), 0);
}

TEST(readers_read_together)
{
	struct dmashm_buffer *a = new_buffer(1), *b = twin(a);

	ASSERT_EQ(dmashm_begin(a, DMASHM_READ, 0), 0);
	ASSERT_EQ(dmashm_begin(b, DMASHM_READ, 0), 0);
	ASSERT_EQ(dmashm_end(b, DMASHM_WRITE), -EPERM);
	ASSERT_EQ(dmashm_begin(b, DMASHM_WRITE, dmashm_deadline(SECOND / 50)), -ETIMEDOUT);
	ASSERT_EQ(dmashm_end(a, DMASHM_READ), 0);
	ASSERT_EQ(dmashm_end(a, DMASHM_READ), -EPERM);
	ASSERT_EQ(dmashm_end(b, DMASHM_READ), 0);
	ASSERT_EQ(dmashm_begin(b, DMASHM_WRITE, 0), 0);
	ASSERT_EQ(dmashm_end(b, DMASHM_READ), -EPERM);
}

/*
 * Sleeping in the middle
 */

TEST(cond_wait_checks_its_arguments)
{
	struct dmashm_buffer *buf = new_buffer(1);

	ASSERT_EQ(dmashm_cond_wait(buf, 0, DMASHM_EVENT_COUNT, 0, 0), -EINVAL);
	ASSERT_EQ(dmashm_cond_wait(buf, 0, 0, 0, 0), -EPERM);
	ASSERT_EQ(dmashm_cond_wait(buf, DMASHM_READ, 0, 0, 0), -EPERM);
	ASSERT_EQ(dmashm_cond_wait(buf, 8, 0, 0, 0), -EINVAL);
	ASSERT_EQ(dmashm_lock(buf), 0);
	ASSERT_EQ(dmashm_cond_wait(buf, DMASHM_READ, 0, 0, 0), -EPERM);
	ASSERT_EQ(dmashm_unlock(buf), 0);
}

TEST(cond_wait_comes_back_with_what_it_had)
{
	struct dmashm_buffer *buf = new_buffer(1);
	uint64_t before = now_ns();

	ASSERT_EQ(dmashm_lock(buf), 0);
	ASSERT_EQ(dmashm_cond_wait(buf, 0, 0, 1, DMASHM_NEVER), 0);
	ASSERT_EQ(dmashm_cond_wait(buf, 0, 0, 0, before + SECOND / 20), -ETIMEDOUT);
	ASSERT(now_ns() >= before + SECOND / 20);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_READ, 0), 0);
	ASSERT_EQ(dmashm_cond_wait(buf, DMASHM_READ, 0, 0, 0), -ETIMEDOUT);
	ASSERT_EQ(dmashm_end(buf, DMASHM_READ), 0);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, 0), 0);
	ASSERT_EQ(dmashm_cond_wait(buf, DMASHM_WRITE, 0, 1, 0), 0);
	ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
}

/* Two take turns with a number in the data: a signal lost is a hang. */
TEST(no_signal_is_lost)
{
	enum { TURNS = 3000 };
	struct dmashm_buffer *buf = new_buffer(1);
	volatile uint32_t *number = map_buffer(buf);
	uint32_t me, i;
	pid_t pid = start_child();

	me = !pid;
	for (i = 0; i < TURNS; i++) {
		ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
		while (*number % 2 != me)
			ASSERT_EQ(dmashm_cond_wait(buf, DMASHM_WRITE, 1, *number,
						   dmashm_deadline(20 * SECOND)), 0);
		++*number;
		store(dmashm_event(buf, 1), *number);
		ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
		ASSERT(dmashm_wake(buf, 1, UINT32_MAX) >= 0);
	}
	if (!pid)
		_exit(0);
	wait_child(pid);
	ASSERT_EQ(*number, 2 * TURNS);
}

TEST(who_waits_is_told_of_a_death_in_the_middle)
{
	struct dmashm_buffer *buf = new_buffer(1);
	pid_t pid;

	ASSERT_EQ(dmashm_lock(buf), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(dmashm_lock(buf), 0);
		_exit(0);
	}
	/* Its death, which we may be asleep at or not yet, changes no word. */
	while (dmashm_cond_wait(buf, 0, 0, 0, dmashm_deadline(SECOND / 20)) != -EOWNERDEAD)
		;
	ASSERT_EQ(dmashm_recover(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	wait_child(pid);
}

TEST(departures_are_counted)
{
	struct dmashm_buffer *buf = new_buffer(1);

	ASSERT_EQ(dmashm_departures(buf), 0);
	dmashm_close(twin(buf));
	ASSERT_EQ(dmashm_departures(buf), 1);
	ASSERT_EQ(dmashm_arm(buf, DMASHM_EVENT_COUNT, 0, 0), -EINVAL);
	ASSERT_EQ(dmashm_arm(buf, 0, 0, 1), 0);
}
