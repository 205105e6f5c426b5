// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "frames.h"

#include <errno.h>
#include <linux/dmashm.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SECOND		1000000000ull
#define PATIENCE	(10 * SECOND)	/* with who holds the barrier */
#define LOOK		SECOND		/* between looks at the socket */
#define GRACE_MS	500		/* from a death's wake-up to its hang-up */

static const char *const names[] = {
	[NOBODY] = "nobody",
	[PRODUCER] = "producer",
	[CONSUMER] = "consumer",
	[KERNEL] = "kernel",
};

static const char *other(const struct frames *frames)
{
	return names[frames->me == PRODUCER ? CONSUMER : PRODUCER];
}

uint64_t frames_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/*
 * Inside the bracket
 */

/* The kernel writes whole samples under the barrier: prove it. */
static void check_sample(struct frames *frames)
{
	struct sample sample = frames->header->sample;

	frames->looks++;
	if (sample.check != sample_check(&sample)) {
		frames->torn++;
		return;
	}
	if (sample.turns < frames->sample.turns ||
	    sample.time_ns < frames->sample.time_ns)
		frames->backwards++;
	frames->sample = sample;
}

static void pass_to(struct frames_header *header, enum frames_party party)
{
	if (header->last_party != party && header->last_party != NOBODY)
		header->handovers++;
	header->last_party = party;
}

/* That the kernel had the barrier meanwhile shows in its turns. */
static void count_handovers(struct frames *frames)
{
	struct frames_header *header = frames->header;

	if (header->turns != frames->sample.turns)
		pass_to(header, KERNEL);
	header->turns = frames->sample.turns;
	pass_to(header, frames->me);
}

static int enter(struct frames *frames)
{
	int err = dmashm_begin(frames->buf, DMASHM_WRITE,
			       dmashm_deadline(PATIENCE));

	/* What it was writing is lost; so no dmashm_recover(). */
	if (err == -EOWNERDEAD)
		dmashm_end(frames->buf, DMASHM_WRITE);
	if (err)
		return err;
	check_sample(frames);
	count_handovers(frames);
	return 0;
}

static int leave(struct frames *frames)
{
	return dmashm_end(frames->buf, DMASHM_WRITE);
}

/*
 * Waiting and waking
 */

static uint32_t event_value(struct frames *frames, enum frames_event event)
{
	return __atomic_load_n(dmashm_event(frames->buf, event), __ATOMIC_ACQUIRE);
}

/* Inside the bracket: say that this side will sleep. */
static uint32_t announce(struct frames *frames, enum frames_event event)
{
	frames->header->waiting[event] = 1;
	return event_value(frames, event);
}

/*
 * Inside the bracket: if the other side waits, change the word, so that it
 * does not fall asleep any more. The wake-up itself comes after the bracket,
 * or it would only wake to find the barrier held.
 */
static bool call_off(struct frames *frames, enum frames_event event)
{
	bool waiting = frames->header->waiting[event];

	frames->header->waiting[event] = 0;
	if (waiting)
		__atomic_add_fetch(dmashm_event(frames->buf, event), 1,
				   __ATOMIC_RELEASE);
	return waiting;
}

static int leave_and_wake(struct frames *frames, enum frames_event event,
			  bool waiting)
{
	int err = leave(frames);

	if (waiting)
		dmashm_wake(frames->buf, event, UINT32_MAX);
	return err;
}

static int see_other_side(const struct frames *frames, int timeout_ms)
{
	struct pollfd hangup = { .fd = frames->socket, .events = POLLRDHUP };

	return poll(&hangup, 1, timeout_ms) > 0 ? -EPIPE : 0;
}

/* Tells that nothing moves, once. */
static void tell_patience(const struct frames *frames, uint64_t since, bool *told)
{
	if (*told || frames_now() - since < PATIENCE)
		return;
	fprintf(stderr, "%s: nothing has moved for %llu seconds, but the %s lives; waiting on.\n",
		names[frames->me], PATIENCE / SECOND, other(frames));
	*told = true;
}

/*
 * Until the event's word has another value than @seen. A death wakes all who
 * sleep at that time; for who goes to sleep later there is the look at the
 * socket. The socket of the dead closes a little after the wake-up.
 */
static int sleep_on(struct frames *frames, enum frames_event event, uint32_t seen)
{
	uint64_t since = frames_now();
	bool told = false;

	while (event_value(frames, event) == seen) {
		int gone, err = dmashm_wait(frames->buf, event, seen,
					    dmashm_deadline(LOOK));

		if (err && err != -ETIMEDOUT)
			return err;
		if (event_value(frames, event) != seen)
			break;
		gone = see_other_side(frames, err ? 0 : GRACE_MS);
		/* It may have said its last word before it went. */
		if (gone && event_value(frames, event) == seen)
			return gone;
		tell_patience(frames, since, &told);
	}
	return 0;
}

static bool has_frame(const struct frames *frames)
{
	return frames->header->head != frames->header->tail;
}

static bool has_room(const struct frames *frames)
{
	return frames->header->head - frames->header->tail < frames->count;
}

static bool has_frame_or_end(const struct frames *frames)
{
	return has_frame(frames) || frames->header->finished;
}

static bool is_done(const struct frames *frames)
{
	return frames->header->done;
}

/* On success the bracket is open and what was waited for is so. */
static int enter_when(struct frames *frames, enum frames_event event,
		      bool (*ready)(const struct frames *frames))
{
	for (;;) {
		uint32_t seen;
		int err = enter(frames);

		if (err)
			return err;
		if (frames->header->error) {
			leave(frames);
			return -ECANCELED;
		}
		if (ready(frames))
			return 0;
		seen = announce(frames, event);
		err = leave(frames);
		if (!err)
			err = sleep_on(frames, event, seen);
		if (err)
			return err;
	}
}

/*
 * The ring
 */

static char *frame_at(const struct frames *frames, uint64_t number)
{
	return (char *)frames->header + FRAMES_START +
	       (size_t)(number % frames->count) * frames->frame_size;
}

int frames_put(struct frames *frames, const void *data, uint32_t length)
{
	struct frames_header *header = frames->header;
	int err = enter_when(frames, ROOM, has_room);

	if (err)
		return err;
	memcpy(frame_at(frames, header->head), data, length);
	header->lengths[header->head % frames->count] = length;
	header->head++;
	header->bytes += length;
	return leave_and_wake(frames, DATA, call_off(frames, DATA));
}

int frames_get(struct frames *frames, void *data)
{
	struct frames_header *header = frames->header;
	uint32_t length;
	int err = enter_when(frames, DATA, has_frame_or_end);

	if (err)
		return err;
	if (!has_frame(frames))
		return leave(frames);
	length = header->lengths[header->tail % frames->count];
	if (!length || length > frames->frame_size) {
		leave(frames);
		return -EPROTO;
	}
	memcpy(data, frame_at(frames, header->tail), length);
	header->tail++;
	err = leave_and_wake(frames, ROOM, call_off(frames, ROOM));
	return err ? err : (int)length;
}

int frames_finish(struct frames *frames)
{
	int err = enter(frames);

	if (err)
		return err;
	frames->header->finished = 1;
	err = leave_and_wake(frames, DATA, call_off(frames, DATA));
	if (!err)
		err = enter_when(frames, ROOM, is_done);
	return err ? err : leave(frames);
}

int frames_done(struct frames *frames)
{
	int err = enter(frames);

	if (err)
		return err;
	frames->header->done = 1;
	return leave_and_wake(frames, ROOM, call_off(frames, ROOM));
}

void frames_give_up(struct frames *frames, int err)
{
	bool data, room;

	if (enter(frames))
		return;
	frames->header->error = err < 0 ? -err : err;
	data = call_off(frames, DATA);
	room = call_off(frames, ROOM);
	leave_and_wake(frames, DATA, data);
	if (room)
		dmashm_wake(frames->buf, ROOM, UINT32_MAX);
}

int frames_look(struct frames *frames, struct frames_header *out)
{
	int err = enter(frames);

	if (err)
		return err;
	*out = *frames->header;
	return leave(frames);
}

/*
 * Beginning and end
 */

static int map_header(struct frames *frames)
{
	void *address;
	int err = dmashm_map(frames->buf, PROT_READ | PROT_WRITE, &address);

	frames->header = address;
	return err;
}

int frames_create(struct frames *frames, uint32_t count, uint32_t frame_size,
		  uint64_t total)
{
	size_t size = FRAMES_START + (size_t)count * frame_size;
	struct frames_header *header;
	int err;

	*frames = (struct frames){
		.me = PRODUCER,
		.socket = -1,
		.count = count,
		.frame_size = frame_size,
	};
	err = dmashm_create(size, "stream", 0, &frames->buf);
	if (!err)
		err = map_header(frames);
	if (!err)
		err = enter(frames);
	if (err) {
		frames_close(frames);
		return err;
	}
	header = frames->header;
	header->magic = FRAMES_MAGIC;
	header->count = count;
	header->frame_size = frame_size;
	header->total = total;
	return leave(frames);
}

int frames_send(struct frames *frames, int socket)
{
	frames->socket = socket;
	return dmashm_send(frames->buf, socket);
}

/* What comes from another process is checked once, and used from here on. */
static bool is_sound(const struct frames *frames, const struct frames_header *header)
{
	return header->magic == FRAMES_MAGIC &&
	       frames->count && frames->count <= FRAMES_MAX &&
	       frames->frame_size && frames->frame_size <= FRAMES_SIZE_MAX &&
	       FRAMES_START + (size_t)frames->count * frames->frame_size <=
			dmashm_size(frames->buf);
}

int frames_receive(struct frames *frames, int socket)
{
	bool sound;
	int err;

	*frames = (struct frames){ .me = CONSUMER, .socket = socket };
	err = dmashm_receive(socket, &frames->buf);
	if (!err && dmashm_size(frames->buf) < FRAMES_START)
		err = -EPROTO;
	if (!err)
		err = map_header(frames);
	if (!err)
		err = enter(frames);
	if (!err) {
		frames->count = frames->header->count;
		frames->frame_size = frames->header->frame_size;
		sound = is_sound(frames, frames->header);
		err = leave(frames);
		if (!err && !sound)
			err = -EPROTO;
	}
	if (err)
		frames_close(frames);
	return err;
}

void frames_close(struct frames *frames)
{
	dmashm_close(frames->buf);
	frames->buf = NULL;
	frames->header = NULL;
}

void frames_explain(const struct frames *frames, int err)
{
	const char *me = names[frames->me], *it = other(frames);

	switch (err) {
	case -EPIPE:
		fprintf(stderr, "%s: the %s is gone; giving up.\n", me, it);
		break;
	case -EOWNERDEAD:
		fprintf(stderr, "%s: the %s died while it held the barrier, and may have left the ring half written; giving up.\n",
			me, it);
		break;
	case -ECANCELED:
		fprintf(stderr, "%s: the %s gave up and said so; giving up too.\n",
			me, it);
		break;
	case -ETIMEDOUT:
		fprintf(stderr, "%s: somebody has held the barrier for %llu seconds; giving up.\n",
			me, PATIENCE / SECOND);
		break;
	case -EPROTO:
		fprintf(stderr, "%s: what the ring says makes no sense; giving up.\n",
			me);
		break;
	default:
		fprintf(stderr, "%s: %s.\n", me, strerror(-err));
	}
}
