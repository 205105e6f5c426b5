// SPDX-License-Identifier: MIT
/*
 * Has a DRM display scan out the frames as they are drawn, by page flips. No
 * CPU of this process touches a pixel.
 *
 * While a frame is on the screen, this process shares its barrier, so that
 * nobody writes into it. Never shows a frame that is older than one before.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "options.h"
#include "pool.h"
#include "report.h"
#include "screen.h"

#define PATIENCE	1000000000u	/* with who is at a frame */

static const char usage[] =
	"usage: display [-d DEVICE] [-n FRAMES] DIRECTORY\n"
	"Shows the frames that the overlay has drawn into.\n"
	"  -d DEVICE   the DRM display (the first that is connected)\n"
	"  -n FRAMES   report after so many of them (100)\n"
	"  DIRECTORY   where the processes meet\n"
	"A frame that the camera was asked to have held stays until SIGUSR1 comes.\n";

enum { DRAWN_TO_SHOWN, CAPTURED_TO_SHOWN };

struct display {
	struct pool pool;
	struct screen screen;
	struct report report;
	struct frame *shown;		/* NULL: none yet */
};

static volatile sig_atomic_t go_on_wanted;

static void want_to_go_on(int signal)
{
	(void)signal;
	go_on_wanted = 1;
}

/* Back to the camera, with the barrier. */
static void release(struct display *display, struct frame *frame)
{
	int ret;

	frame_set_state(frame, FREE);
	ret = dmashm_end(frame->buf, DMASHM_READ);
	if (ret)
		errx(1, "a frame could not be given back: %s", strerror(-ret));
	pool_ring(&display->pool, CAMERA);
}

/* What is there before was asked to stay stays; the others go on meanwhile. */
static void hold(struct display *display, uint32_t number)
{
	go_on_wanted = 0;
	printf("display    no. %u is held\n", number);
	fflush(stdout);
	while (!go_on_wanted) {
		pool_look(&display->pool);
		pool_sleep(&display->pool, NULL, 100);
	}
	printf("display    goes on\n");
	fflush(stdout);
}

static void tell(struct display *display, const struct frame_facts *facts)
{
	uint64_t now = now_ns();

	if (facts->drawn) {
		report_span(&display->report, DRAWN_TO_SHOWN, now - facts->drawn);
		report_span(&display->report, CAPTURED_TO_SHOWN, now - facts->captured);
	}
	pool_set_count(&display->pool, facts->number);
	report_frame(&display->report, facts->number);
}

static void show(struct display *display, struct frame *frame,
		 const struct frame_facts *facts)
{
	frame_set_state(frame, SHOWING);
	screen_show(&display->screen, frame->index);
	if (display->shown)
		release(display, display->shown);
	display->shown = frame;
	tell(display, facts);
	if (facts->held)
		hold(display, facts->number);
}

/* What one that died had on the screen. */
static void reclaim(struct display *display)
{
	struct frame *frame;
	int i, ret;

	for (i = 0; i < POOL_FRAMES; i++) {
		frame = &display->pool.frames[i];
		if (frame_state(frame) != SHOWING)
			continue;
		ret = dmashm_begin(frame->buf, DMASHM_READ, dmashm_deadline(PATIENCE));
		if (ret && ret != -EOWNERDEAD)
			continue;	/* the camera was quicker */
		if (frame_state(frame) == SHOWING)
			release(display, frame);
		else
			dmashm_end(frame->buf, DMASHM_READ);
	}
}

static void handle(struct display *display, struct frame *frame)
{
	struct frame_facts facts;
	int ret = dmashm_begin(frame->buf, DMASHM_READ, dmashm_deadline(PATIENCE));

	if (ret == -ETIMEDOUT)
		return;
	/* The state is written last: what died, died after it was done. */
	if (ret && ret != -EOWNERDEAD)
		errx(1, "the barrier could not be taken: %s", strerror(-ret));
	facts = frame_facts(frame);
	if (frame_state(frame) != DRAWN) {
		dmashm_end(frame->buf, DMASHM_READ);
	} else if (frame_is_older(facts.number, pool_count(&display->pool, DISPLAY))) {
		release(display, frame);
		display->report.dropped++;
	} else {
		show(display, frame, &facts);
	}
}

int main(int argc, char **argv)
{
	static struct display display = {
		.report.spans[DRAWN_TO_SHOWN].what = "drawn to shown",
		.report.spans[CAPTURED_TO_SHOWN].what = "captured to shown",
	};
	struct options options = { 0 };
	struct frame *frame;

	options_parse(&options, argc, argv, "d:n:", usage);
	signal(SIGUSR1, want_to_go_on);
	pool_join(&display.pool, options.directory, DISPLAY, PROT_READ);
	screen_open(&display.screen, options.device, &display.pool);
	reclaim(&display);
	report_begin(&display.report, "display", options.every);
	for (;;) {
		pool_look(&display.pool);
		frame = pool_oldest(&display.pool, DRAWN, 0);
		if (frame)
			handle(&display, frame);
		else
			pool_sleep(&display.pool, NULL, 1000);
	}
}
