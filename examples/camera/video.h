/* SPDX-License-Identifier: MIT */
/* A V4L2 camera whose driver writes into dma-bufs that it is given. */
#ifndef VIDEO_H
#define VIDEO_H

#include <stdbool.h>

struct video {
	int fd;				/* to poll: readable when a frame is filled */
	const char *device;
	unsigned int queued;		/* frames that the driver has */
};

/*
 * Makes the camera ready for so many frames of the size and layout in frame.h.
 * Waits a little until the driver is done with one who just died. These say why
 * and exit if something is not possible.
 */
void video_open(struct video *video, const char *device, unsigned int rate,
		unsigned int count);
void video_start(struct video *video);

/* The driver may write into @dmabuf_fd from here on, until it is taken back. */
void video_queue(struct video *video, unsigned int index, int dmabuf_fd);

/* Index of a frame that is done, @good or not; -1 if none is. */
int video_take(struct video *video, bool *good);

#endif /* VIDEO_H */
