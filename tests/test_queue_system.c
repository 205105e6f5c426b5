// SPDX-License-Identifier: MIT
/* Queues of frames and the rest: system calls, fork, poll, devices. */
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <xf86drm.h>

#include "frames.h"

TEST(nobody_sleeps_without_a_system_call)
{
	struct dmashm_buffer *buf = frames_buffer(4), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 4, 0), *c = consume(other);
	struct dmashm_frame frame;
	pid_t pid;
	int i;

	/* Somebody has slept on both sides before. */
	ASSERT_EQ(dmashm_queue_await(p, 2, in_ms(10)), -ETIMEDOUT);
	ASSERT_EQ(dmashm_queue_get_begin(c, in_ms(10), &frame), -ETIMEDOUT);
	dmashm_queue_close(c);
	dmashm_queue_close(p);
	pid = start_child();
	if (!pid) {
		other = twin(buf);
		p = produce(buf, 4, 0);
		c = consume(other);
		put(p, 0);	/* rings for who slept before */
		get(c, 0);
		/* read, write and exit are let through; all else kills. */
		ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
		for (i = 0; i < 10000; i++) {
			void *data;

			if (dmashm_queue_put_begin(p, DMASHM_NEVER, &data) ||
			    dmashm_queue_put_end(p, 1) ||
			    dmashm_queue_get_begin(c, DMASHM_NEVER, &frame) ||
			    dmashm_queue_get_end(c))
				syscall(SYS_exit, 1);
		}
		syscall(SYS_exit, 0);
	}
	wait_child(pid);
}

TEST(a_child_has_a_part_of_its_own_or_none)
{
	struct dmashm_buffer *buf = frames_buffer(4), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 4, 0), *c = consume(other), *q;
	struct milestone here = milestone(), go = milestone();
	struct dmashm_frame frame;
	pid_t pid;
	int round;

	put(p, 0);
	ASSERT_EQ(try_get(c), 0);
	ASSERT_EQ(try_put(p), 0);
	pid = start_child();
	if (!pid) {
		/* Before it has joined, and after. */
		for (round = 0; round < 2; round++) {
			ASSERT_EQ(try_put(p), -EPERM);
			ASSERT_EQ(dmashm_queue_put_end(p, 1), -EPERM);
			ASSERT_EQ(dmashm_queue_put_cancel(p), -EPERM);
			ASSERT_EQ(dmashm_queue_finish(p), -EPERM);
			ASSERT_EQ(dmashm_queue_await(p, 0, 0), -EPERM);
			ASSERT_EQ(dmashm_queue_arm(p), -EPERM);
			ASSERT_EQ(try_get(c), -EPERM);
			ASSERT_EQ(dmashm_queue_get_end(c), -EPERM);
			ASSERT_EQ(dmashm_lock(other), 0);
			ASSERT_EQ(dmashm_unlock(other), 0);
		}
		dmashm_queue_close(p);
		dmashm_queue_close(c);
		ASSERT_EQ(dmashm_queue_create(buf, 4, FRAME_SIZE, 0, &q), -EBUSY);
		q = consume(other);
		reach(here);
		get(q, 1);
		reach(here);
		await(go);
		_exit(0);
	}
	await(here);
	ASSERT_EQ(dmashm_queue_get_end(c), 0);
	ASSERT_EQ(dmashm_queue_put_cancel(p), 0);
	put(p, 1);
	get(c, 1);
	await(here);
	reach(go);
	wait_child(pid);
	ASSERT_EQ(dmashm_queue_get_begin(c, 0, &frame), -ETIMEDOUT);
}

static short polled(struct dmashm_buffer *buf, int ms)
{
	struct pollfd fd = {
		.fd = dmashm_member_fd(buf), .events = POLLIN | POLLPRI,
	};

	ASSERT(poll(&fd, 1, ms) >= 0);
	return fd.revents;
}

TEST(an_event_loop_is_told)
{
	struct dmashm_buffer *buf = frames_buffer(2), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 2, 0), *c = consume(other);
	pid_t pid;

	ASSERT_EQ(dmashm_queue_arm(c), 0);
	ASSERT_EQ(try_get(c), -ETIMEDOUT);
	ASSERT_EQ(polled(other, 20), 0);
	put(p, 0);
	ASSERT_EQ(polled(other, 5000), POLLIN);
	get(c, 0);
	ASSERT_EQ(dmashm_queue_arm(c), 0);
	ASSERT_EQ(polled(other, 20), 0);
	pid = start_child();
	if (!pid) {
		dmashm_lock(buf);	/* joins */
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(polled(other, 5000), POLLPRI);
	put(p, 1);
	put(p, 2);
	ASSERT_EQ(dmashm_queue_arm(p), 0);
	ASSERT_EQ(try_put(p), -ETIMEDOUT);
	ASSERT_EQ(polled(buf, 20), 0);
	get(c, 1);
	ASSERT_EQ(polled(buf, 5000), POLLIN);
	ASSERT_EQ(try_put(p), 0);
	ASSERT_EQ(dmashm_queue_put_cancel(p), 0);
	ASSERT_EQ(dmashm_queue_arm(c), 0);
	ASSERT_EQ(dmashm_queue_finish(p), 0);
	ASSERT_EQ(polled(other, 5000), POLLIN);
}

/* A device that imports the buffer; 0 once @handle is closed. */
static int attach_device(int dmabuf, uint32_t *handle)
{
	int vgem;

	if (!load_module("vgem"))
		SKIP("this kernel has no vgem");
	vgem = drmOpen("vgem", NULL);
	ASSERT(vgem >= 0);
	ASSERT_EQ(drmPrimeFDToHandle(vgem, dmabuf, handle), 0);
	return vgem;
}

TEST(a_device_makes_brackets)
{
	struct dmashm_buffer *buf = frames_buffer(4), *a = twin(buf), *b = twin(buf);
	struct dmashm_queue *p = produce(buf, 4, 0), *c = consume(a), *d = consume(b);
	struct dmashm_frame frame;
	uint32_t handle;
	void *data;
	int vgem;

	ASSERT_EQ(try_put(p), 0);
	vgem = attach_device(dmashm_fd(buf), &handle);
	ASSERT_EQ(dmashm_queue_put_end(p, 1), -EAGAIN);
	ASSERT_EQ(dmashm_queue_put_end(p, 1), -EPERM);
	ASSERT_EQ(try_put(p), 0);
	ASSERT_EQ(dmashm_trylock_shared(a), -EBUSY);
	ASSERT_EQ(dmashm_queue_put_cancel(p), 0);
	ASSERT_EQ(dmashm_trylock(a), 0);
	ASSERT_EQ(dmashm_queue_put_begin(p, in_ms(30), &data), -ETIMEDOUT);
	ASSERT_EQ(dmashm_unlock(a), 0);
	put(p, 0);
	ASSERT_EQ(try_get(c), 0);
	ASSERT_EQ(try_get(d), 0);
	ASSERT_EQ(dmashm_trylock(buf), -EBUSY);
	ASSERT_EQ(try_put(p), -ETIMEDOUT);
	ASSERT_EQ(dmashm_queue_get_end(c), 0);
	ASSERT_EQ(try_put(p), -ETIMEDOUT);
	dmashm_queue_close(d);
	put(p, 1);
	ASSERT_EQ(dmashm_lock(buf), 0);
	ASSERT_EQ(dmashm_queue_get_begin(c, in_ms(30), &frame), -ETIMEDOUT);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	get(c, 1);
	ASSERT_EQ(drmCloseBufferHandle(vgem, handle), 0);
	/* One that has gone again may have undone what was written. */
	ASSERT_EQ(try_put(p), 0);
	ASSERT_EQ(drmPrimeFDToHandle(vgem, dmashm_fd(buf), &handle), 0);
	ASSERT_EQ(drmCloseBufferHandle(vgem, handle), 0);
	ASSERT_EQ(dmashm_queue_put_end(p, 1), -EAGAIN);
	put(p, 2);
	ASSERT_EQ(try_get(c), 0);
	ASSERT_EQ(dmashm_trylock(buf), 0);
}
