// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "picture.h"

#include <err.h>
#include <stdio.h>

#include "frame.h"

static void write_pixels(FILE *file, const uint32_t *pixels)
{
	int i;

	fprintf(file, "P6\n%d %d\n255\n", FRAME_WIDTH, FRAME_HEIGHT);
	for (i = 0; i < FRAME_WIDTH * FRAME_HEIGHT; i++) {
		putc_unlocked(pixels[i] >> 16 & 0xff, file);
		putc_unlocked(pixels[i] >> 8 & 0xff, file);
		putc_unlocked(pixels[i] & 0xff, file);
	}
}

void picture_save(const char *path, const uint32_t *pixels)
{
	char part[4096];
	FILE *file;

	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		errx(2, "the picture's name is too long; take a shorter one");
	file = fopen(part, "w");
	if (!file)
		err(1, "%s cannot be written", part);
	write_pixels(file, pixels);
	if (ferror(file) | fclose(file))
		err(1, "%s could not be written; is there room?", part);
	if (rename(part, path))
		err(1, "%s", path);
}
