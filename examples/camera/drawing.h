/* SPDX-License-Identifier: MIT */
/*
 * What the overlay draws: a panel with the frame's number in digits of seven
 * segments, and a bar. The same number gives the same pixels, whatever was there.
 */
#ifndef DRAWING_H
#define DRAWING_H

#include <stdint.h>

void drawing_panel(uint32_t *pixels);
void drawing_number(uint32_t *pixels, uint32_t number);

#endif /* DRAWING_H */
