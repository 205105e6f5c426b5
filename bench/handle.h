/* SPDX-License-Identifier: MIT */
/* The library's handle: of a real buffer, or of plain shared memory. */
#ifndef BENCH_HANDLE_H
#define BENCH_HANDLE_H

#include <stdbool.h>

#include <dmashm.h>

/* Is the module loaded? Then handles are of real buffers. */
bool handle_is_real(void);
struct dmashm_buffer *handle_new(void);
void handle_free(struct dmashm_buffer *buf);

/* To be called first in the n-th child (from 0) of who made the handle. */
void handle_inherit(struct dmashm_buffer *buf, unsigned int n);

#endif /* BENCH_HANDLE_H */
