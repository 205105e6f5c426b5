/* SPDX-License-Identifier: MIT */
/* vgem, a graphics driver without hardware: exporter and importer. */
#ifndef BENCH_VGEM_H
#define BENCH_VGEM_H

#include <stdbool.h>
#include <stddef.h>

#define VGEM_CARD	"/dev/dri/card0"

/* A dumb buffer as a dma-buf fd; or -1. */
int vgem_create(size_t size);

/* Is there a device to import into? */
bool vgem_open(void);
/* Into the device and out of it again: attached, mapped, unmapped, detached. */
void vgem_import(int dmabuf);

#endif /* BENCH_VGEM_H */
