/* SPDX-License-Identifier: MIT */
/*
 * A ring of frames in one dmashm buffer, between a producer and a consumer,
 * with a place in which the kernel's sampler writes as a third party.
 *
 *   0                        struct frames_header
 *   FRAMES_START             frame 0, frame 1, ...
 *
 * All of it is touched inside a bracket only: dmashm_begin() takes the barrier
 * and makes the caches right, dmashm_end() gives both back. Who finds the ring
 * full or empty says so in the header and sleeps on an event word; the other
 * side wakes it only then.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <dmashm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../kernel/dmashm_sampler.h"

#define FRAMES_MAGIC	0x66726d73u
#define FRAMES_START	4096		/* where the frames begin */
#define FRAMES_MAX	256		/* in a ring */
#define FRAMES_SIZE_MAX	(64u << 20)	/* of one frame */

enum frames_party { NOBODY, PRODUCER, CONSUMER, KERNEL };

/* What somebody waits for; also the number of the event word for it. */
enum frames_event { DATA, ROOM, EVENTS };

struct frames_header {
	uint32_t magic;
	uint32_t count;			/* frames in the ring */
	uint32_t frame_size;
	int32_t error;			/* errno of a side that gave up, or 0 */
	uint64_t total;			/* bytes to come; 0 if not known */
	uint64_t bytes;			/* put so far */
	uint64_t head;			/* frames put so far */
	uint64_t tail;			/* frames got so far */
	uint32_t finished;		/* the producer: there will be no more */
	uint32_t done;			/* the consumer: all is where it belongs */
	uint32_t waiting[EVENTS];	/* somebody sleeps, or is about to */
	uint64_t handovers;		/* of the barrier, from one to another */
	uint64_t turns;			/* the kernel's, as last seen */
	uint32_t last_party;		/* who had the barrier last */
	uint32_t pad;
	struct sample sample;		/* written by the kernel alone */
	uint32_t lengths[FRAMES_MAX];	/* bytes in each frame */
};

_Static_assert(sizeof(struct frames_header) <= FRAMES_START,
	       "the header fits before the frames");

/* What one side knows; nothing in here is shared. */
struct frames {
	struct dmashm_buffer *buf;
	struct frames_header *header;
	int socket;			/* to the other side, to see it go */
	enum frames_party me;
	uint32_t count;			/* as in the header, checked */
	uint32_t frame_size;
	struct sample sample;		/* the last one that was whole */
	uint64_t looks;			/* at samples */
	uint64_t torn;
	uint64_t backwards;
};

/*
 * All return 0 (frames_get() the length) or -errno. Of these, frames_explain()
 * makes a sentence:
 *
 *   -EPIPE       the other side is gone
 *   -EOWNERDEAD  it died while it held the barrier
 *   -ECANCELED   it gave up and said so
 *   -ETIMEDOUT   somebody has held the barrier for too long
 *   -EPROTO      the header makes no sense
 */

/* The producer's: make the ring. */
int frames_create(struct frames *frames, uint32_t count, uint32_t frame_size,
		  uint64_t total);
/* The producer's: hand the ring to whoever is at the other end of @socket. */
int frames_send(struct frames *frames, int socket);
/* The consumer's: take it from there. */
int frames_receive(struct frames *frames, int socket);
void frames_close(struct frames *frames);

/* Waits for room, then copies a frame into the ring. */
int frames_put(struct frames *frames, const void *data, uint32_t length);
/* Waits for a frame, then copies it out; 0 at the end. */
int frames_get(struct frames *frames, void *data);

/* The producer's: no more frames; waits until the consumer is done. */
int frames_finish(struct frames *frames);
/* The consumer's: all that came is where it belongs. */
int frames_done(struct frames *frames);
/* Let the other side know that this one gives up. */
void frames_give_up(struct frames *frames, int err);

/* A copy of the header, as of now. */
int frames_look(struct frames *frames, struct frames_header *out);

void frames_explain(const struct frames *frames, int err);

uint64_t frames_now(void);

#endif /* FRAMES_H */
