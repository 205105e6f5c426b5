/* SPDX-License-Identifier: MIT */
/* A DRM display that scans out dma-bufs which it imports. */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "pool.h"

struct screen {
	int fd;
	const char *device;
	uint32_t connector;
	uint32_t crtc;
	uint32_t framebuffers[POOL_FRAMES];
	bool on;			/* it shows one of ours */
};

/*
 * Takes the first display that is connected, or @device if that is not NULL, and
 * all frames as its framebuffers. These say why and exit if something fails.
 */
void screen_open(struct screen *screen, const char *device, const struct pool *pool);

/* Flips to a frame; it is on the screen, and the one before it is not, when this
 * returns. */
void screen_show(struct screen *screen, unsigned int index);

#endif /* SCREEN_H */
