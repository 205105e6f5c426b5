// SPDX-License-Identifier: MIT
/*
 * Draws the number of each frame into it, where it lies, under the exclusive
 * barrier. A frame that another overlay left half drawn when it died bears the
 * mark of that death: it is drawn anew, which makes it good.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "drawing.h"
#include "options.h"
#include "pool.h"
#include "report.h"

#define PATIENCE	1000000000u	/* with who is at a frame */

static const char usage[] =
	"usage: overlay [-n FRAMES] [-k FRAME] DIRECTORY\n"
	"Draws into each frame that the camera captured.\n"
	"  -n FRAMES   report after so many of them (100)\n"
	"  -k FRAME    die half way through this one of them, to show what then happens\n"
	"  DIRECTORY   where the processes meet\n";

struct overlay {
	struct pool pool;
	struct report report;
	unsigned int die_at;		/* 0: do not */
	unsigned int drawn;
};

static void draw(struct overlay *overlay, struct frame *frame, uint32_t number)
{
	drawing_panel(frame->pixels);
	if (++overlay->drawn == overlay->die_at)
		raise(SIGKILL);
	drawing_number(frame->pixels, number);
}

static void make_good(struct frame *frame, uint32_t number)
{
	printf("overlay    no. %u was left by one who died in it; it is drawn anew\n", number);
	fflush(stdout);
	dmashm_recover(frame->buf);
}

static void finish(struct overlay *overlay, struct frame *frame,
		   struct frame_facts *facts)
{
	int ret;

	facts->drawn = now_ns();
	frame_advance(frame, facts, DRAWN);
	ret = dmashm_end(frame->buf, DMASHM_WRITE);
	if (ret)
		errx(1, "a frame could not be given back: %s", strerror(-ret));
	pool_set_count(&overlay->pool, facts->number);
	pool_ring(&overlay->pool, DISPLAY);
	report_span(&overlay->report, 0, facts->drawn - facts->captured);
	report_frame(&overlay->report, facts->number);
}

static void handle(struct overlay *overlay, struct frame *frame)
{
	struct frame_facts facts;
	int ret = dmashm_begin(frame->buf, DMASHM_WRITE, dmashm_deadline(PATIENCE));

	if (ret == -ETIMEDOUT)
		return;
	if (ret && ret != -EOWNERDEAD)
		errx(1, "the barrier could not be taken: %s", strerror(-ret));
	/* The camera may have been quicker, for want of frames. */
	if (frame_state(frame) != CAPTURED) {
		dmashm_end(frame->buf, DMASHM_WRITE);
		return;
	}
	facts = frame_facts(frame);
	draw(overlay, frame, facts.number);
	if (ret == -EOWNERDEAD)
		make_good(frame, facts.number);
	finish(overlay, frame, &facts);
}

int main(int argc, char **argv)
{
	static struct overlay overlay = { .report.spans[0].what = "captured to drawn" };
	struct options options = { 0 };
	struct frame *frame;

	options_parse(&options, argc, argv, "n:k:", usage);
	overlay.die_at = options.die_at;
	pool_join(&overlay.pool, options.directory, OVERLAY, PROT_READ | PROT_WRITE);
	report_begin(&overlay.report, "overlay", options.every);
	for (;;) {
		pool_look(&overlay.pool);
		frame = pool_oldest(&overlay.pool, CAPTURED, 0);
		if (frame)
			handle(&overlay, frame);
		else
			pool_sleep(&overlay.pool, NULL, 1000);
	}
}
