// SPDX-License-Identifier: MIT
/*
 * Has a V4L2 camera's driver write straight into frames that others share, and
 * passes them on: to the overlay, or where there is none to the display.
 *
 * While the driver has a frame, this process holds the frame's barrier for it.
 * By dmashm_lock(), not dmashm_begin(): no CPU touches the pixels. Whatever has
 * nobody at it can be filled next, so nobody's death or delay stops the camera:
 * it drops the oldest pictures instead.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "drawing.h"
#include "options.h"
#include "picture.h"
#include "pool.h"
#include "report.h"
#include "video.h"

#define QUEUE		3	/* frames that the driver shall have */
#define STARVING	2	/* and below which pictures are dropped for it */

static const char usage[] =
	"usage: camera [-d DEVICE] [-f RATE] [-n FRAMES] [-o FILE] DIRECTORY\n"
	"Captures into frames that it shares with the overlay and the display.\n"
	"  -d DEVICE   the V4L2 camera (/dev/video0)\n"
	"  -f RATE     frames a second, as near to it as the camera can (25)\n"
	"  -n FRAMES   report after so many of them (100)\n"
	"  -o FILE     on SIGUSR1, have the display hold the next picture, and write\n"
	"              to FILE (PPM) what the screen should then show\n"
	"  DIRECTORY   where the processes meet\n";

struct camera {
	struct pool pool;
	struct video video;
	struct report report;
	const char *picture;
};

static volatile sig_atomic_t hold_wanted;

static void want_hold(int signal)
{
	(void)signal;
	hold_wanted = 1;
}

static void tell(const struct frame *frame, const char *what)
{
	printf("camera     frame %u %s\n", frame->index, what);
	fflush(stdout);
}

/*
 * Frames for the driver
 */

/* If nobody is at it, and it still is what it was found to be. */
static bool claim(struct frame *frame, enum frame_state state)
{
	int ret = dmashm_trylock(frame->buf);

	if (ret && ret != -EOWNERDEAD)
		return false;
	if (frame_state(frame) != state) {
		dmashm_unlock(frame->buf);
		return false;
	}
	frame_set_state(frame, FILLING);
	/* All of it will be written anew. */
	if (ret == -EOWNERDEAD) {
		tell(frame, "was left by one who died in it; it is filled anew");
		dmashm_recover(frame->buf);
	}
	return true;
}

/* A picture that the display shall hold is never dropped on its way there. */
static bool is_awaited(const struct frame *frame, enum frame_state state)
{
	return (state == CAPTURED || state == DRAWN) && frame_facts(frame).held;
}

static struct frame *claim_any(struct camera *camera, enum frame_state state)
{
	unsigned int tried = 0;
	struct frame *frame;

	while ((frame = pool_oldest(&camera->pool, state, tried))) {
		if (!is_awaited(frame, state) && claim(frame, state))
			return frame;
		tried |= 1u << frame->index;
	}
	return NULL;
}

/* What is SHOWING, with nobody at it, a display left that died. */
static struct frame *next_frame(struct camera *camera)
{
	struct frame *frame = claim_any(camera, FREE);

	if (!frame)
		frame = claim_any(camera, SHOWING);
	if (frame || camera->video.queued >= STARVING)
		return frame;
	frame = claim_any(camera, DRAWN);
	if (!frame)
		frame = claim_any(camera, CAPTURED);
	if (frame)
		camera->report.dropped++;
	return frame;
}

static void refill(struct camera *camera)
{
	struct frame *frame;

	while (camera->video.queued < QUEUE && (frame = next_frame(camera)))
		video_queue(&camera->video, frame->index, dmashm_fd(frame->buf));
}

/* Their driver is done with them: it has given the camera to this process. */
static void reclaim(struct camera *camera)
{
	struct frame *frame;
	int i, ret;

	for (i = 0; i < POOL_FRAMES; i++) {
		frame = &camera->pool.frames[i];
		if (frame_state(frame) != FILLING)
			continue;
		ret = dmashm_lock(frame->buf);
		if (ret == -EOWNERDEAD) {
			tell(frame, "was being filled for one who died; it is taken back");
			ret = dmashm_recover(frame->buf);
		}
		if (ret)
			errx(1, "a frame could not be taken back: %s", strerror(-ret));
		frame_set_state(frame, FREE);
		dmashm_unlock(frame->buf);
	}
}

/*
 * Frames from the driver
 */

/* The only copy here, made when asked for: what the screen is compared with. */
static void save_expected(const struct camera *camera, struct frame *frame,
			  uint32_t number)
{
	uint32_t *copy = malloc(FRAME_BYTES);
	int ret = dmashm_begin(frame->buf, DMASHM_READ, DMASHM_NEVER);

	if (!copy || ret)
		errx(1, "the picture could not be copied: %s", strerror(ret ? -ret : ENOMEM));
	memcpy(copy, frame->pixels, FRAME_BYTES);
	dmashm_end(frame->buf, DMASHM_READ);
	drawing_panel(copy);
	drawing_number(copy, number);
	picture_save(camera->picture, copy);
	free(copy);
}

static void pass_on(struct camera *camera, struct frame *frame)
{
	bool overlay = pool_who(&camera->pool, OVERLAY);
	struct frame_facts facts = {
		.number = pool_count(&camera->pool, CAMERA) + 1,
		.captured = now_ns(),
		.held = overlay && camera->picture && hold_wanted,
	};

	if (facts.held) {
		save_expected(camera, frame, facts.number);
		hold_wanted = 0;
	}
	frame_advance(frame, &facts, overlay ? CAPTURED : DRAWN);
	pool_set_count(&camera->pool, facts.number);
	pool_ring(&camera->pool, overlay ? OVERLAY : DISPLAY);
	report_frame(&camera->report, facts.number);
}

static void take_filled(struct camera *camera)
{
	struct frame *frame;
	bool good;
	int index;

	while ((index = video_take(&camera->video, &good)) >= 0) {
		frame = &camera->pool.frames[index];
		dmashm_unlock(frame->buf);
		if (good)
			pass_on(camera, frame);
		else
			frame_set_state(frame, FREE);
	}
}

static void run(struct camera *camera)
{
	struct pollfd filled = { .fd = camera->video.fd, .events = POLLIN };

	for (;;) {
		pool_look(&camera->pool);
		refill(camera);
		pool_sleep(&camera->pool, &filled,
			   camera->video.queued < STARVING ? 20 : 1000);
		if (filled.revents)
			take_filled(camera);
	}
}

int main(int argc, char **argv)
{
	struct options options = { .device = "/dev/video0", .rate = 25 };
	static struct camera camera;

	options_parse(&options, argc, argv, "d:f:n:o:", usage);
	signal(SIGUSR1, want_hold);
	camera.picture = options.picture;
	pool_join(&camera.pool, options.directory, CAMERA, PROT_READ);
	video_open(&camera.video, options.device, options.rate, POOL_FRAMES);
	reclaim(&camera);
	refill(&camera);
	video_start(&camera.video);
	report_begin(&camera.report, "camera", options.every);
	run(&camera);
}
