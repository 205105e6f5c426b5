/* SPDX-License-Identifier: GPL-2.0-only */
/* The registry: all buffers that live, for those who look at them. */
#ifndef DMASHM_REGISTRY_H
#define DMASHM_REGISTRY_H

#include <linux/types.h>

struct dmashm_buffer;

void dmashm_registry_add(struct dmashm_buffer *buffer);
void dmashm_registry_remove(struct dmashm_buffer *buffer);
struct dmashm_buffer *dmashm_registry_get(u64 id);

#endif /* DMASHM_REGISTRY_H */
