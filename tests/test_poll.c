// SPDX-License-Identifier: MIT
/* poll and epoll on a member fd. */
#include <poll.h>
#include <sys/epoll.h>

#include "uapi.h"

#define EVENT DMASHM_OFF_EVENT(3)

static int arm(int member, uint32_t offset, uint32_t expected, uint32_t departures)
{
	struct dmashm_arm arg = {
		.offset = offset, .expected = expected, .departures = departures,
	};

	return ioctl(member, DMASHM_IOC_ARM, &arg);
}

static short events_of(int member, int ms)
{
	struct pollfd pfd = { .fd = member, .events = POLLIN | POLLPRI };

	ASSERT(poll(&pfd, 1, ms) >= 0);
	return pfd.revents;
}

/* As they come, not as they are found once the time is up. */
static short events_in_time(int member)
{
	uint64_t late = in_ms(15000);
	short events = events_of(member, 20000);

	ASSERT(now_ns() < late);
	return events;
}

TEST(arm_refuses_bad_arguments)
{
	int member = join(create(1));
	struct dmashm_arm arg = { .flags = 1 };

	ASSERT_ERRNO(arm(member, 2, 0, 0), EINVAL);
	ASSERT_ERRNO(arm(member, DMASHM_WORDS_SIZE, 0, 0), EINVAL);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_ARM, &arg), EINVAL);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_ARM, NULL), EFAULT);
	ASSERT_EQ(events_of(member, 0), 0);
}

TEST(a_word_that_differs_is_reported)
{
	int member = join(create(1));

	ASSERT_EQ(arm(member, EVENT, 0, 0), 0);
	ASSERT_EQ(events_of(member, 0), 0);
	store(&map_words(member)[EVENT / 4], 1);
	ASSERT_EQ(events_of(member, 0), POLLIN);
	ASSERT_EQ(arm(member, EVENT, 1, 0), 0);
	ASSERT_EQ(events_of(member, 0), 0);
}

/* A child changes the word and wakes, 200 ms from now. */
static pid_t start_waker(int member, uint32_t offset)
{
	pid_t pid = start_child();

	if (!pid) {
		int own = join_by(member, NULL);

		sleep_ms(200);
		store(&map_words(own)[offset / 4], 1);
		ASSERT_EQ(wake_word(own, offset, 0), 0);
		sleep_ms(60000);
		_exit(0);
	}
	return pid;
}

TEST(wake_ends_a_poll)
{
	int member = join(create(1));
	pid_t pid;

	ASSERT_EQ(arm(member, EVENT, 0, 0), 0);
	pid = start_waker(member, EVENT);
	ASSERT_EQ(events_in_time(member), POLLIN);
	kill_child(pid);
}

TEST(a_wake_of_another_word_does_not)
{
	int member = join(create(1));
	pid_t pid;

	ASSERT_EQ(arm(member, EVENT, 0, 0), 0);
	pid = start_waker(member, EVENT + 4);
	ASSERT_EQ(events_of(member, 1500), 0);
	kill_child(pid);
}

TEST(epoll_tells_of_a_change_once)
{
	int member = join(create(1)), ep = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLPRI | EPOLLET };
	pid_t pid;

	ASSERT_EQ(arm(member, EVENT, 0, 0), 0);
	ASSERT_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, member, &event), 0);
	ASSERT_EQ(epoll_wait(ep, &event, 1, 0), 0);
	pid = start_waker(member, EVENT);
	ASSERT_EQ(epoll_wait(ep, &event, 1, 20000), 1);
	ASSERT_EQ(event.events, EPOLLIN);
	ASSERT_EQ(epoll_wait(ep, &event, 1, 300), 0);
	kill_child(pid);
}

TEST(arming_anew_ends_a_poll_that_is_due)
{
	int member = join(create(1));
	pid_t pid = start_child();

	if (!pid) {
		sleep_ms(200);
		ASSERT_EQ(arm(member, EVENT, 1, 0), 0);
		_exit(0);
	}
	ASSERT_EQ(arm(member, EVENT, 0, 0), 0);
	ASSERT_EQ(events_in_time(member), POLLIN);
	wait_child(pid);
}

TEST(a_departure_is_reported)
{
	int fd = create(1), member = join(fd), other = join(fd);
	const struct dmashm_facts *facts = map_facts(member);
	pid_t pid;

	ASSERT_EQ(facts->departures, 0);
	ASSERT_EQ(arm(member, EVENT, 0, 0), 0);
	close(other);
	ASSERT_EQ(facts->departures, 1);
	ASSERT_EQ(events_of(member, 0), POLLPRI);
	ASSERT_EQ(arm(member, EVENT, 0, 1), 0);
	ASSERT_EQ(events_of(member, 0), 0);

	pid = start_child();
	if (!pid) {
		join_by(member, NULL);
		sleep_ms(200);
		_exit(0);
	}
	ASSERT_EQ(events_in_time(member), POLLPRI);
	wait_child(pid);
	ASSERT_EQ(facts->departures, 2);
}

/* WAIT can be asked not to sleep where somebody has left meanwhile. */
TEST(wait_compares_departures_too)
{
	int fd = create(1), member = join(fd);
	struct dmashm_wait arg = {
		.offset = EVENT, .flags = DMASHM_WAIT_DEPARTURES, .deadline = in_ms(50),
	};

	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_WAIT, &arg), ETIMEDOUT);
	close(join(fd));
	arg.deadline = DMASHM_NEVER;
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_WAIT, &arg), EAGAIN);
	arg.departures = 1;
	arg.deadline = in_ms(50);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_WAIT, &arg), ETIMEDOUT);
}

/* The fd lives on in another process; the member that it stood for does not. */
TEST(who_polls_a_member_that_died_gets_a_hangup)
{
	int fd = create(1), sockets[2], member, unused;
	pid_t pid;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	pid = start_child();
	if (!pid) {
		send_fds(sockets[1], join(fd), fd);
		for (;;)
			pause();
	}
	receive_fds(sockets[0], &member, &unused);
	ASSERT_EQ(arm(member, EVENT, 0, 0), 0);
	ASSERT_EQ(events_of(member, 100), 0);
	if (!start_child()) {
		sleep_ms(200);
		kill(pid, SIGKILL);
		_exit(0);
	}
	ASSERT_EQ(events_in_time(member), POLLHUP);
}
