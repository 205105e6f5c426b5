/* SPDX-License-Identifier: MIT */
/* A picture in a file: PPM, the way that QEMU's screendump writes it. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stdint.h>

/* The file is there whole or not at all; says why and exits if not. */
void picture_save(const char *path, const uint32_t *pixels);

#endif /* PICTURE_H */
