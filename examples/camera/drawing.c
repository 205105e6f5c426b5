// SPDX-License-Identifier: MIT
#include "drawing.h"

#include "frame.h"

#define INK	0x00ffb000u
#define DIM	0x00302814u
#define PAPER	0x0010141cu

enum {
	LEFT = 404, TOP = 392, WIDTH = 212, HEIGHT = 68, EDGE = 2,
	DIGITS = 6, DIGIT_WIDTH = 20, DIGIT_HEIGHT = 40, STEP = 32, PEN = 4,
	BAR_TOP = TOP + HEIGHT - 12, BAR_HEIGHT = 4, BAR_STEPS = 100,
	MARGIN = (WIDTH - (DIGITS - 1) * STEP - DIGIT_WIDTH) / 2,
};

static void fill(uint32_t *pixels, int left, int top, int width, int height,
		 uint32_t colour)
{
	int x, y;

	for (y = top; y < top + height; y++)
		for (x = left; x < left + width; x++)
			pixels[y * FRAME_WIDTH + x] = colour;
}

/* Bits of the segments that are lit, in the order of segments[] below. */
static const uint8_t lit[10] = {
	0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f,
};

static const struct segment {
	int8_t left, top, width, height;
} segments[7] = {
	{ 0, 0, DIGIT_WIDTH, PEN },					/* top */
	{ DIGIT_WIDTH - PEN, 0, PEN, DIGIT_HEIGHT / 2 },		/* right */
	{ DIGIT_WIDTH - PEN, DIGIT_HEIGHT / 2, PEN, DIGIT_HEIGHT / 2 },
	{ 0, DIGIT_HEIGHT - PEN, DIGIT_WIDTH, PEN },			/* bottom */
	{ 0, DIGIT_HEIGHT / 2, PEN, DIGIT_HEIGHT / 2 },			/* left */
	{ 0, 0, PEN, DIGIT_HEIGHT / 2 },
	{ 0, DIGIT_HEIGHT / 2 - PEN / 2, DIGIT_WIDTH, PEN },		/* middle */
};

static void draw_digit(uint32_t *pixels, int left, int top, unsigned int digit)
{
	unsigned int i;

	for (i = 0; i < 7; i++)
		if (lit[digit] & 1u << i)
			fill(pixels, left + segments[i].left, top + segments[i].top,
			     segments[i].width, segments[i].height, INK);
}

void drawing_panel(uint32_t *pixels)
{
	fill(pixels, LEFT, TOP, WIDTH, HEIGHT, INK);
	fill(pixels, LEFT + EDGE, TOP + EDGE, WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE, PAPER);
}

void drawing_number(uint32_t *pixels, uint32_t number)
{
	int done = (int)(number % BAR_STEPS) * (WIDTH - 2 * MARGIN) / BAR_STEPS;
	uint32_t rest = number;
	int i;

	for (i = DIGITS - 1; i >= 0; i--, rest /= 10)
		draw_digit(pixels, LEFT + MARGIN + i * STEP, TOP + 8, rest % 10);
	fill(pixels, LEFT + MARGIN, BAR_TOP, WIDTH - 2 * MARGIN, BAR_HEIGHT, DIM);
	fill(pixels, LEFT + MARGIN, BAR_TOP, done, BAR_HEIGHT, INK);
}
