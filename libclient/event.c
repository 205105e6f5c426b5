// SPDX-License-Identifier: MIT
/* The words for applications, and sleeping on words. */
#include "private.h"

#include <limits.h>

/* What every call that looks at an event begins with. */
static int enter_for(struct dmashm_buffer *buf, unsigned int n)
{
	return n < DMASHM_EVENT_COUNT ? dmashm_enter_to_read(buf) : -EINVAL;
}

uint32_t *dmashm_event(struct dmashm_buffer *buf, unsigned int n)
{
	if (enter_for(buf, n))
		return NULL;
	return dmashm_word(buf, DMASHM_OFF_EVENT(n));
}

/* Another value already is what the caller wanted to hear of. */
int dmashm_wait_word(const struct dmashm_buffer *buf, struct dmashm_wait *arg)
{
	int err = dmashm_ioctl(buf->member_fd, DMASHM_IOC_WAIT, arg);

	return err == -EAGAIN ? 0 : err;
}

int dmashm_wait(struct dmashm_buffer *buf, unsigned int n, uint32_t expected,
		uint64_t deadline)
{
	struct dmashm_wait arg = {
		.offset = DMASHM_OFF_EVENT(n),
		.expected = expected,
		.deadline = deadline,
	};
	int err = enter_for(buf, n);

	return err ? err : dmashm_wait_word(buf, &arg);
}

/* Wake those who sleep on any word of the page; how many, or -errno. */
int dmashm_wake_word(const struct dmashm_buffer *buf, uint32_t offset,
		     uint32_t count)
{
	struct dmashm_wake arg = { .offset = offset, .count = count };
	int err;

	err = dmashm_ioctl(buf->member_fd, DMASHM_IOC_WAKE, &arg);
	if (err)
		return err;
	return arg.woken < INT_MAX ? (int)arg.woken : INT_MAX;
}

int dmashm_wake(struct dmashm_buffer *buf, unsigned int n, uint32_t count)
{
	int err = enter_for(buf, n);

	return err ? err : dmashm_wake_word(buf, DMASHM_OFF_EVENT(n), count);
}

uint32_t dmashm_departures(struct dmashm_buffer *buf)
{
	if (dmashm_enter_to_read(buf))
		return 0;
	/* Acquire: pairs with the release in dmashm_barrier_leave(). */
	return __atomic_load_n(&dmashm_self(buf)->facts->departures, __ATOMIC_ACQUIRE);
}

int dmashm_arm(struct dmashm_buffer *buf, unsigned int n, uint32_t expected,
	       uint32_t departures)
{
	struct dmashm_arm arg = {
		.offset = DMASHM_OFF_EVENT(n),
		.expected = expected,
		.departures = departures,
	};
	int err = enter_for(buf, n);

	return err ? err : dmashm_ioctl(buf->member_fd, DMASHM_IOC_ARM, &arg);
}
