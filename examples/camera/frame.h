/* SPDX-License-Identifier: MIT */
/*
 * A frame: one dmashm buffer with a picture in it. Its barrier says whether
 * anybody is at it now, its state how far the picture has come:
 *
 *   FREE      nothing of worth
 *   FILLING   the camera's driver writes it; the camera has the barrier
 *   CAPTURED  as the camera saw it
 *   DRAWN     with the overlay, or let through where there is no overlay
 *   SHOWING   on the screen; the display shares the barrier
 *
 * Who changes the state, and all else that is kept here, has the barrier: the
 * overlay makes DRAWN of CAPTURED, the display SHOWING of DRAWN and FREE of
 * SHOWING, the camera FILLING of whatever it finds with nobody at it. Only what
 * is FILLING belongs to the camera, with the barrier or without.
 *
 * So nobody's death loses a frame: the kernel takes the barrier from the dead,
 * and the state, which is always written last, still says what the picture is.
 */
#ifndef FRAME_H
#define FRAME_H

#include <dmashm.h>
#include <stdbool.h>
#include <stdint.h>

#define FRAME_WIDTH	640
#define FRAME_HEIGHT	480
#define FRAME_STRIDE	(FRAME_WIDTH * 4)	/* bytes: blue, green, red, none */
#define FRAME_BYTES	(FRAME_STRIDE * FRAME_HEIGHT)

enum frame_state { FREE, FILLING, CAPTURED, DRAWN, SHOWING, FRAME_STATES };

struct frame {
	struct dmashm_buffer *buf;
	uint32_t *pixels;
	unsigned int index;		/* in the pool */
};

/* What is known of a picture, kept in event words beside the state. */
struct frame_facts {
	uint32_t number;		/* goes up by one with each picture */
	uint32_t held;			/* to be left on the screen */
	uint64_t captured;		/* when, CLOCK_MONOTONIC */
	uint64_t drawn;			/* the same; 0: there was no overlay */
};

enum frame_state frame_state(const struct frame *frame);
struct frame_facts frame_facts(const struct frame *frame);

/* What @facts says holds from when the state can be seen. */
void frame_advance(struct frame *frame, const struct frame_facts *facts,
		   enum frame_state state);
void frame_set_state(struct frame *frame, enum frame_state state);

/* Is a number older than another? They wrap. */
static inline bool frame_is_older(uint32_t number, uint32_t other)
{
	return (int32_t)(number - other) < 0;
}

uint64_t now_ns(void);

#endif /* FRAME_H */
