// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "pool.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE	10000000000u	/* with those who have the frames */

/* Event words of the first frame's buffer, each role's on a line of its own. */
#define BELL(role)	(32 + 16 * (role))
#define COUNT(role)	(33 + 16 * (role))

static struct dmashm_buffer *words(const struct pool *pool)
{
	return pool->frames[0].buf;
}

/*
 * Sockets
 */

static struct sockaddr_un address_of(const struct pool *pool, enum role role)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.socket",
			      pool->directory, role_names[role]);

	if (length >= (int)sizeof(address.sun_path))
		errx(2, "%s is too long for a socket's path; take a shorter directory",
		     pool->directory);
	return address;
}

static int new_socket(int flags)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

static void listen_for_others(struct pool *pool)
{
	struct sockaddr_un address = address_of(pool, pool->role);

	pool->listener = new_socket(SOCK_NONBLOCK);
	unlink(address.sun_path);	/* of one who died */
	if (bind(pool->listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(pool->listener, 8))
		err(1, "%s cannot be listened at", address.sun_path);
}

static int connect_to(const struct pool *pool, enum role role)
{
	struct sockaddr_un address = address_of(pool, role);
	struct timeval second = { .tv_sec = 1 };
	int fd = new_socket(0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static void serve(struct pool *pool)
{
	int i, fd = accept4(pool->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;		/* it thought better of it */
	for (i = 0; i < POOL_FRAMES; i++)
		if (dmashm_send(pool->frames[i].buf, fd))
			break;	/* its trouble, not ours: it has seen the end */
	close(fd);
}

/*
 * Joining
 */

static void forget(struct pool *pool)
{
	int i;

	for (i = 0; i < POOL_FRAMES; i++) {
		dmashm_close(pool->frames[i].buf);
		pool->frames[i].buf = NULL;
	}
}

static bool receive_from(struct pool *pool, enum role role)
{
	int i, ret = 0, fd = connect_to(pool, role);

	if (fd < 0)
		return false;
	for (i = 0; i < POOL_FRAMES && !ret; i++) {
		ret = dmashm_receive(fd, &pool->frames[i].buf);
		if (!ret && dmashm_size(pool->frames[i].buf) < FRAME_BYTES)
			errx(1, "the %s has frames of another size; is it of another version?",
			     role_names[role]);
	}
	if (ret)
		forget(pool);
	close(fd);
	return !ret;
}

static void make(struct pool *pool)
{
	char name[16];
	int i, ret;

	if (pool->role == NO_ROLE)
		errx(1, "nobody has frames in %s; start the camera first", pool->directory);
	for (i = 0; i < POOL_FRAMES; i++) {
		snprintf(name, sizeof(name), "frame %d", i);
		ret = dmashm_create(FRAME_BYTES, name, 0, &pool->frames[i].buf);
		if (ret == -ENOENT)
			errx(1, "there is no /dev/dmashm; load dmashm.ko first");
		if (ret)
			errx(1, "no frame could be made: %s; whoever starts first needs the right on /dev/dmashm, and memory",
			     strerror(-ret));
	}
}

/* Who has the role and yet hands out nothing may be just dying, or stopped. */
static void find_or_make(struct pool *pool)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	uint64_t deadline = dmashm_deadline(PATIENCE);
	enum role role, alive;

	do {
		alive = NO_ROLE;
		for (role = 0; role < ROLES; role++) {
			if (role == pool->role)
				continue;
			if (receive_from(pool, role))
				return;
			if (pool_who(pool, role))
				alive = role;
		}
		if (alive == NO_ROLE) {
			make(pool);
			return;
		}
		nanosleep(&moment, NULL);
	} while (now_ns() < deadline);
	errx(1, "the %s (process %d) has the frames, and does not hand them out; let it go on (kill -CONT), or end it",
	     role_names[alive], pool_who(pool, alive));
}

/* All pages at once, so that nobody faults in the middle of a frame. */
static void map(struct frame *frame, int prot)
{
	int advice = prot & PROT_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
	void *address;
	int ret = dmashm_map(frame->buf, prot, &address);

	if (ret)
		errx(1, "a frame could not be mapped: %s", strerror(-ret));
	if (madvise(address, FRAME_BYTES, advice))
		err(1, "a frame's pages could not be mapped");
	frame->pixels = address;
}

void pool_join(struct pool *pool, const char *directory, enum role role, int prot)
{
	int meeting, i;

	*pool = (struct pool){ .directory = directory, .role = role, .listener = -1 };
	for (i = 0; i < ROLES; i++)
		pool->roles[i] = role_open(directory, i);
	/* Whoever has a role and is not at this meeting has frames and listens. */
	meeting = role_begin_meeting(directory);
	if (role != NO_ROLE)
		role_take(pool->roles[role], role);
	find_or_make(pool);
	if (role != NO_ROLE)
		listen_for_others(pool);
	role_end_meeting(meeting);
	for (i = 0; i < POOL_FRAMES; i++) {
		pool->frames[i].index = i;
		if (prot != PROT_NONE)
			map(&pool->frames[i], prot);
	}
}

pid_t pool_who(const struct pool *pool, enum role role)
{
	return role_holder(pool->roles[role]);
}

/*
 * Sleeping and waking
 */

void pool_look(struct pool *pool)
{
	pool->departures = dmashm_departures(words(pool));
	/* Pairs with the release in pool_ring(). */
	pool->seen = __atomic_load_n(dmashm_event(words(pool), BELL(pool->role)),
				     __ATOMIC_ACQUIRE);
}

void pool_sleep(struct pool *pool, struct pollfd *also, int ms)
{
	struct pollfd fds[3] = {
		{ .fd = dmashm_member_fd(words(pool)), .events = POLLIN | POLLPRI },
		{ .fd = pool->listener, .events = POLLIN },
	};
	int ret = dmashm_arm(words(pool), BELL(pool->role), pool->seen, pool->departures);

	if (ret)
		errx(1, "dmashm_arm: %s", strerror(-ret));
	if (also)
		fds[2] = *also;
	ret = poll(fds, also ? 3 : 2, ms);
	if (ret < 0 && errno != EINTR)
		err(1, "poll");
	if (also)
		also->revents = ret > 0 ? fds[2].revents : 0;
	if (ret > 0 && fds[1].revents)
		serve(pool);
}

void pool_ring(struct pool *pool, enum role role)
{
	/* Pairs with the acquire in pool_look(). */
	__atomic_add_fetch(dmashm_event(words(pool), BELL(role)), 1, __ATOMIC_RELEASE);
	dmashm_wake(words(pool), BELL(role), UINT32_MAX);
}

uint32_t pool_count(const struct pool *pool, enum role role)
{
	return __atomic_load_n(dmashm_event(words(pool), COUNT(role)), __ATOMIC_RELAXED);
}

void pool_set_count(struct pool *pool, uint32_t number)
{
	__atomic_store_n(dmashm_event(words(pool), COUNT(pool->role)), number,
			 __ATOMIC_RELAXED);
}

struct frame *pool_oldest(struct pool *pool, enum frame_state state,
			  unsigned int except)
{
	struct frame *frame, *oldest = NULL;
	uint32_t number, least = 0;
	int i;

	for (i = 0; i < POOL_FRAMES; i++) {
		frame = &pool->frames[i];
		if (except & 1u << i || frame_state(frame) != state)
			continue;
		number = frame_facts(frame).number;
		if (oldest && !frame_is_older(number, least))
			continue;
		oldest = frame;
		least = number;
	}
	return oldest;
}
