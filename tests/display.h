/* SPDX-License-Identifier: MIT */
/*
 * A display: QEMU's cirrus, whose driver copies what it shows from the
 * framebuffer, by the kernel's own mapping of it, into the memory of the card;
 * and that memory can be looked at.
 */
#ifndef TESTS_DISPLAY_H
#define TESTS_DISPLAY_H

#include <drm_fourcc.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "uapi.h"

#define VRAM_SIZE	(4 * MIB)

struct display {
	int fd;
	uint32_t crtc;
	drmModeConnector *connector;
	const volatile uint8_t *vram;	/* the picture begins at 0; or NULL */
};

/* Newer kernels call it by another name. */
static inline int open_cirrus(void)
{
	int fd = -1;

	if (!system("test -e /sys/module/cirrus || modprobe -q cirrus"))
		fd = drmOpen("cirrus", NULL);
	else if (!system("test -e /sys/module/cirrus_qemu || modprobe -q cirrus-qemu"))
		fd = drmOpen("cirrus-qemu", NULL);
	if (fd < 0)
		SKIP("this machine has no cirrus display (QEMU: -device cirrus-vga)");
	return fd;
}

/*
 * The card's memory. A kernel that keeps user space from what a driver has
 * mapped says EINVAL, unless it was started with iomem=relaxed.
 */
static inline const volatile uint8_t *map_vram(int drm)
{
	char path[PATH_MAX];
	struct stat st;
	void *vram;
	int fd;

	ASSERT_EQ(fstat(drm, &st), 0);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/resource0",
		 major(st.st_rdev), minor(st.st_rdev));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT(fd >= 0);
	vram = mmap(NULL, VRAM_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (vram == MAP_FAILED) {
		ASSERT_EQ(errno, EINVAL);
		return NULL;
	}
	return vram;
}

static inline struct display open_display(void)
{
	struct display display = { .fd = open_cirrus() };
	drmModeRes *resources = drmModeGetResources(display.fd);

	ASSERT(resources && resources->count_crtcs && resources->count_connectors);
	display.crtc = resources->crtcs[0];
	display.connector = drmModeGetConnector(display.fd, resources->connectors[0]);
	ASSERT(display.connector);
	drmModeFreeResources(resources);
	display.vram = map_vram(display.fd);
	return display;
}

static inline drmModeModeInfo *find_mode(const struct display *display,
					 uint32_t width, uint32_t height)
{
	int i;

	for (i = 0; i < display->connector->count_modes; i++) {
		drmModeModeInfo *mode = &display->connector->modes[i];

		if (mode->hdisplay == width && mode->vdisplay == height)
			return mode;
	}
	FAIL("the display has no mode of %u x %u", width, height);
}

/* A picture in a buffer, as a framebuffer. */
struct picture {
	uint32_t width, height, format;
	uint32_t pitch;		/* bytes from row to row */
	uint32_t offset;	/* of the first one */
};

static inline uint32_t bytes_per_pixel(uint32_t format)
{
	switch (format) {
	case DRM_FORMAT_RGB565:
		return 2;
	case DRM_FORMAT_RGB888:
		return 3;
	}
	return 4;
}

static inline struct picture picture(uint32_t width, uint32_t height, uint32_t format)
{
	return (struct picture){
		.width = width, .height = height, .format = format,
		.pitch = width * bytes_per_pixel(format),
	};
}

static inline size_t picture_size(const struct picture *p)
{
	return (size_t)p->pitch * p->height;
}

/* 0, or -1 and errno. */
static inline int add_fb(int drm, uint32_t handle, const struct picture *p, uint32_t *fb)
{
	uint32_t handles[4] = { handle }, pitches[4] = { p->pitch },
		 offsets[4] = { p->offset };
	int ret = drmModeAddFB2(drm, p->width, p->height, p->format, handles,
				pitches, offsets, fb, 0);

	if (ret)
		errno = -ret;
	return ret ? -1 : 0;
}

static inline uint32_t new_fb(int drm, uint32_t handle, const struct picture *p)
{
	uint32_t fb = 0;

	ASSERT_EQ(add_fb(drm, handle, p, &fb), 0);
	return fb;
}

static inline void show_fb(const struct display *display, uint32_t fb,
			   const struct picture *p)
{
	ASSERT_EQ(drmModeSetCrtc(display->fd, display->crtc, fb, 0, 0,
				 &display->connector->connector_id, 1,
				 find_mode(display, p->width, p->height)), 0);
}

/* Has the last flip that asked for an event been done? Takes the event. */
static inline bool flipped(const struct display *display, int ms)
{
	struct pollfd poll_fd = { .fd = display->fd, .events = POLLIN };
	drmEventContext context = { .version = 2 };

	if (poll(&poll_fd, 1, ms) != 1)
		return false;
	ASSERT_EQ(drmHandleEvent(display->fd, &context), 0);
	return true;
}

/* The first byte of the card's memory that is not the picture's; -1 if none. */
static inline long shown_wrongly(const struct display *display,
				 const struct picture *p, const uint8_t *data)
{
	/* Where a row of 4 bytes each is more than it can, it is shown by 3. */
	uint32_t from = bytes_per_pixel(p->format), to = from, x, y, i;

	if (from == 4 && p->pitch > 4088)
		to = 3;
	for (y = 0; y < p->height; y++) {
		const uint8_t *row = data + p->offset + (size_t)y * p->pitch;
		size_t at = (size_t)y * (to == from ? p->pitch : to * p->width);

		for (x = 0; x < p->width; x++, row += from)
			for (i = 0; i < to; i++, at++)
				if (display->vram[at] != row[i])
					return (long)at;
	}
	return -1;
}

#endif /* TESTS_DISPLAY_H */
