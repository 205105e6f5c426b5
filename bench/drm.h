/* SPDX-License-Identifier: MIT */
/* vgem, a graphics driver without hardware: exporter and importer. */
#ifndef BENCH_DRM_H
#define BENCH_DRM_H

#include <stdbool.h>
#include <stddef.h>

#define DRM_CARD	"/dev/dri/card0"

/* A dumb buffer as a dma-buf fd; or -1. */
int drm_create(size_t size);

/* Is there a device to import into? */
bool drm_open(void);
/* Into the device and out of it again: attached, mapped, unmapped, detached. */
void drm_import(int dmabuf);

#endif /* BENCH_DRM_H */
