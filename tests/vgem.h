/* SPDX-License-Identifier: MIT */
/* vgem: a device in software that imports buffers. */
#ifndef TESTS_VGEM_H
#define TESTS_VGEM_H

#include <xf86drm.h>

#include "uapi.h"

/* vgem's primary node; SKIP where it is not there. */
static inline int open_vgem(void)
{
	int fd;

	if (!load_module("vgem"))
		SKIP("this kernel has no vgem");
	fd = drmOpen("vgem", NULL);
	ASSERT(fd >= 0);
	return fd;
}

#endif /* TESTS_VGEM_H */
