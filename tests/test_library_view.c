// SPDX-License-Identifier: MIT
/* libdmashm: handles that may only read, sent, received and forked; the seal. */
#include <poll.h>

#include "library.h"

static struct dmashm_buffer *new_view(struct dmashm_buffer *buf)
{
	struct dmashm_buffer *view;

	ASSERT_EQ(dmashm_view(buf, &view), 0);
	ASSERT_EQ(dmashm_access(view), DMASHM_READ);
	return view;
}

TEST(a_view_shows_what_is_written)
{
	struct dmashm_buffer *buf = new_buffer(3 * MIB), *view = new_view(buf);
	char *data = map_buffer(buf);
	void *seen;

	ASSERT_EQ(dmashm_access(buf), DMASHM_READ | DMASHM_WRITE);
	ASSERT_EQ(dmashm_size(view), 3 * MIB);
	ASSERT_EQ(dmashm_map(view, PROT_READ, &seen), 0);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
	strcpy(data + 3 * MIB - 10, "asdf");
	ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
	ASSERT_EQ(dmashm_begin(view, DMASHM_READ, DMASHM_NEVER), 0);
	ASSERT_EQ(strcmp((char *)seen + 3 * MIB - 10, "asdf"), 0);
	ASSERT_EQ(dmashm_end(view, DMASHM_READ), 0);
	ASSERT_EQ(dmashm_unmap(view, seen), 0);
	dmashm_close(view);
	dmashm_close(buf);
}

TEST(what_writes_is_refused)
{
	struct dmashm_buffer *view = new_view(new_buffer(MIB));
	struct dmashm_queue *queue;
	void *data = NULL;

	ASSERT_EQ(dmashm_map(view, PROT_READ | PROT_WRITE, &data), -EACCES);
	ASSERT_EQ(dmashm_map(view, PROT_WRITE, &data), -EACCES);
	ASSERT_EQ(dmashm_lock(view), -EACCES);
	ASSERT_EQ(dmashm_trylock(view), -EACCES);
	ASSERT_EQ(dmashm_timedlock(view, 0), -EACCES);
	ASSERT_EQ(dmashm_unlock(view), -EPERM);
	ASSERT_EQ(dmashm_recover(view), -EPERM);
	ASSERT_EQ(dmashm_begin(view, DMASHM_WRITE, DMASHM_NEVER), -EACCES);
	ASSERT_EQ(dmashm_begin(view, DMASHM_READ | DMASHM_WRITE, 0), -EACCES);
	ASSERT_EQ(dmashm_end(view, DMASHM_WRITE), -EPERM);
	ASSERT_EQ(dmashm_wake(view, 0, 1), -EACCES);
	ASSERT_EQ(dmashm_seal(view), -EACCES);
	ASSERT_EQ(dmashm_queue_create(view, 2, 1, 0, &queue), -EACCES);
	ASSERT_EQ(dmashm_queue_open(view, &queue), -EACCES);
	ASSERT_EQ(dmashm_view(view, NULL), -EINVAL);
}

TEST(shared_locking_is_as_ever)
{
	struct dmashm_buffer *buf = new_buffer(1), *view = new_view(buf);

	ASSERT_EQ(dmashm_unlock_shared(view), -EPERM);
	ASSERT_EQ(dmashm_end(view, DMASHM_READ), -EPERM);
	ASSERT_EQ(dmashm_lock_shared(view), 0);
	ASSERT_EQ(dmashm_trylock_shared(view), 0);
	ASSERT_EQ(dmashm_trylock(buf), -EBUSY);
	ASSERT_EQ(dmashm_unlock_shared(view), 0);
	ASSERT_EQ(dmashm_unlock_shared(view), 0);
	ASSERT_EQ(dmashm_trylock(buf), 0);
	ASSERT_EQ(dmashm_trylock_shared(view), -EBUSY);
	ASSERT_EQ(dmashm_timedlock_shared(view, dmashm_deadline(SECOND / 50)), -ETIMEDOUT);
	ASSERT_EQ(dmashm_unlock(buf), 0);
}

/* The library's trylock asks the kernel where a viewer may be in. */
TEST(a_lease_that_has_run_out_is_told_of)
{
	struct dmashm_buffer *buf = new_buffer(1), *view = new_view(buf);

	ASSERT_EQ(dmashm_begin(view, DMASHM_READ, DMASHM_NEVER), 0);
	ASSERT_EQ(dmashm_trylock(buf), -EBUSY);
	sleep_ms(DMASHM_LEASE_NS / 1000000 + 10);
	ASSERT_EQ(dmashm_trylock(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(dmashm_end(view, DMASHM_READ), -ESTALE);
	ASSERT_EQ(dmashm_begin(view, DMASHM_READ, DMASHM_NEVER), 0);
	ASSERT_EQ(dmashm_lock(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(dmashm_end(view, DMASHM_READ), -ESTALE);
}

TEST(events_can_be_waited_for)
{
	struct dmashm_buffer *buf = new_buffer(1), *view = new_view(buf);
	struct pollfd poll_fd = { .fd = dmashm_member_fd(view), .events = POLLIN };
	uint32_t *word = dmashm_event(buf, 3);
	const uint32_t *seen = dmashm_event(view, 3);
	pid_t pid;

	ASSERT(seen && *seen == 0);
	ASSERT_EQ(dmashm_wait(view, 3, 0, dmashm_deadline(SECOND / 50)), -ETIMEDOUT);
	ASSERT_EQ(dmashm_arm(view, 3, 0, dmashm_departures(view)), 0);
	ASSERT_EQ(poll(&poll_fd, 1, 0), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(dmashm_wait(view, 3, 0, DMASHM_NEVER), 0);
		_exit(0);
	}
	sleep_ms(50);
	store(word, 1);
	ASSERT(dmashm_wake(buf, 3, 10) >= 0);
	ASSERT_EQ(load(seen), 1);
	ASSERT_EQ(poll(&poll_fd, 1, 1000), 1);
	wait_child(pid);
}

/* A view arrives as one, and gives no more to who joins by what came with it. */
TEST(a_view_can_be_sent)
{
	struct dmashm_buffer *buf = new_buffer(MIB), *view = new_view(buf);
	struct dmashm_join arg = { .dmabuf_fd = -1, .fd = -1 };
	int pair[2];
	pid_t pid;

	strcpy(map_buffer(buf), "asdf");
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	ASSERT_EQ(dmashm_send(view, pair[0]), 0);
	dmashm_close(view);
	pid = start_child();
	if (!pid) {
		struct dmashm_buffer *got;
		void *data;

		ASSERT_EQ(setuid(65534), 0);
		dmashm_close(buf);
		ASSERT_EQ(dmashm_receive(pair[1], &got), 0);
		ASSERT_EQ(dmashm_access(got), DMASHM_READ);
		ASSERT_EQ(dmashm_map(got, PROT_READ, &data), 0);
		ASSERT_EQ(dmashm_begin(got, DMASHM_READ, DMASHM_NEVER), 0);
		ASSERT_EQ(strcmp(data, "asdf"), 0);
		ASSERT_EQ(dmashm_end(got, DMASHM_READ), 0);
		ASSERT_EQ(ioctl(dmashm_member_fd(got), DMASHM_IOC_JOIN, &arg), 0);
		ASSERT_EQ(arg.id, 0);
		_exit(0);
	}
	wait_child(pid);
}

/* The child is a viewer of its own. */
TEST(fork_with_a_view)
{
	struct dmashm_buffer *buf = new_buffer(MIB), *view = new_view(buf);
	pid_t pid;

	ASSERT_EQ(dmashm_lock_shared(view), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(dmashm_unlock_shared(view), -EPERM);
		ASSERT_EQ(dmashm_end(view, DMASHM_READ), -EPERM);
		ASSERT_EQ(dmashm_lock(view), -EACCES);
		ASSERT_EQ(dmashm_lock_shared(view), 0);
		ASSERT_EQ(dmashm_unlock_shared(view), 0);
		ASSERT_EQ(dmashm_unlock_shared(view), -EPERM);
		dmashm_close(view);
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(dmashm_unlock_shared(view), 0);
	dmashm_close(view);
	ASSERT_EQ(dmashm_trylock(buf), 0);
}

TEST(importing_a_view_by_its_fds)
{
	struct dmashm_buffer *buf = new_buffer(1), *view = new_view(buf), *other;

	ASSERT_EQ(dmashm_import(dmashm_fd(view), -1, &other), 0);
	ASSERT_EQ(dmashm_access(other), DMASHM_READ);
	dmashm_close(other);
	ASSERT_EQ(dmashm_import(dmashm_fd(buf), dmashm_member_fd(view), &other), 0);
	ASSERT_EQ(dmashm_access(other), DMASHM_READ);
	dmashm_close(other);
	ASSERT_EQ(dmashm_import(dmashm_fd(view), dmashm_member_fd(buf), &other), 0);
	ASSERT_EQ(dmashm_access(other), DMASHM_READ);
}

TEST(sealed_data_stays)
{
	struct dmashm_buffer *buf = new_buffer(MIB);
	void *data = map_buffer(buf);

	strcpy(data, "asdf");
	ASSERT_EQ(dmashm_seal(buf), -EBUSY);
	ASSERT_EQ(dmashm_unmap(buf, data), 0);
	ASSERT_EQ(dmashm_seal(buf), 0);
	ASSERT_EQ(dmashm_map(buf, PROT_READ | PROT_WRITE, &data), -EPERM);
	ASSERT_EQ(dmashm_map(buf, PROT_READ, &data), 0);
	ASSERT_EQ(strcmp(data, "asdf"), 0);
	ASSERT_EQ(dmashm_lock(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
}
