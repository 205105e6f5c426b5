// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "screen.h"

#include <drm_fourcc.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define CARDS		16
#define PATIENCE	5000000000u	/* with a display's user who just died */
#define FLIP_MS		5000

static drmModeModeInfo *find_mode(drmModeConnector *connector)
{
	int i;

	for (i = 0; i < connector->count_modes; i++)
		if (connector->modes[i].hdisplay == FRAME_WIDTH &&
		    connector->modes[i].vdisplay == FRAME_HEIGHT)
			return &connector->modes[i];
	return NULL;
}

/* A connector with something at it that can show a frame; to be freed. */
static drmModeConnector *find_connector(int fd, drmModeRes *resources)
{
	drmModeConnector *connector;
	int i;

	for (i = 0; i < resources->count_connectors; i++) {
		connector = drmModeGetConnector(fd, resources->connectors[i]);
		if (connector && connector->connection == DRM_MODE_CONNECTED &&
		    find_mode(connector))
			return connector;
		drmModeFreeConnector(connector);
	}
	return NULL;
}

static bool can_import(int fd)
{
	uint64_t prime = 0;

	return !drmGetCap(fd, DRM_CAP_PRIME, &prime) && prime & DRM_PRIME_CAP_IMPORT;
}

static bool is_display(int fd)
{
	drmModeRes *resources = drmModeGetResources(fd);
	drmModeConnector *connector = NULL;

	if (resources && resources->count_crtcs && can_import(fd))
		connector = find_connector(fd, resources);
	drmModeFreeConnector(connector);
	drmModeFreeResources(resources);
	return connector;
}

static int open_display(const char *device)
{
	char path[32];
	int i, fd;

	for (i = 0; i < (device ? 1 : CARDS); i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(device ? device : path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && is_display(fd))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	errx(1, "%s no connected display that imports dma-bufs and has a mode of %d x %d; load its driver (modprobe cirrus), or name it by -d",
	     device ? "that is" : "there is", FRAME_WIDTH, FRAME_HEIGHT);
}

/* Whoever had it may be just dying. */
static void become_master(int fd)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	uint64_t deadline = now_ns() + PATIENCE;

	while (drmSetMaster(fd)) {
		if (now_ns() > deadline)
			err(1, "the display belongs to somebody else; end him (a desktop?), or name another by -d");
		nanosleep(&moment, NULL);
	}
}

static void add_framebuffer(struct screen *screen, const struct frame *frame)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { FRAME_STRIDE }, offsets[4] = { 0 };

	if (drmPrimeFDToHandle(screen->fd, dmashm_fd(frame->buf), &handles[0]))
		err(1, "the display does not import the frame");
	if (drmModeAddFB2(screen->fd, FRAME_WIDTH, FRAME_HEIGHT, DRM_FORMAT_XRGB8888,
			  handles, pitches, offsets,
			  &screen->framebuffers[frame->index], 0))
		err(1, "the display does not take the frame as its framebuffer");
}

void screen_open(struct screen *screen, const char *device, const struct pool *pool)
{
	int i;

	*screen = (struct screen){ .fd = open_display(device), .device = device };
	become_master(screen->fd);
	for (i = 0; i < POOL_FRAMES; i++)
		add_framebuffer(screen, &pool->frames[i]);
}

static void switch_on(struct screen *screen, uint32_t framebuffer)
{
	drmModeRes *resources = drmModeGetResources(screen->fd);
	drmModeConnector *connector = resources ? find_connector(screen->fd, resources) : NULL;

	if (!connector)
		errx(1, "the display was unplugged; plug it in, and start this again");
	screen->crtc = resources->crtcs[0];
	screen->connector = connector->connector_id;
	if (drmModeSetCrtc(screen->fd, screen->crtc, framebuffer, 0, 0,
			   &screen->connector, 1, find_mode(connector)))
		err(1, "the display's mode could not be set");
	drmModeFreeConnector(connector);
	drmModeFreeResources(resources);
	screen->on = true;
}

static void flip(struct screen *screen, uint32_t framebuffer)
{
	struct pollfd flipped = { .fd = screen->fd, .events = POLLIN };
	drmEventContext context = { .version = 2 };
	int ret;

	if (drmModePageFlip(screen->fd, screen->crtc, framebuffer,
			    DRM_MODE_PAGE_FLIP_EVENT, NULL))
		err(1, "the display does not flip");
	do {
		ret = poll(&flipped, 1, FLIP_MS);
	} while (ret < 0 && errno == EINTR);
	if (ret != 1)
		errx(1, "the display did not flip within %d seconds; dmesg may say why", FLIP_MS / 1000);
	drmHandleEvent(screen->fd, &context);
}

void screen_show(struct screen *screen, unsigned int index)
{
	uint32_t framebuffer = screen->framebuffers[index];

	if (screen->on)
		flip(screen, framebuffer);
	else
		switch_on(screen, framebuffer);
}
