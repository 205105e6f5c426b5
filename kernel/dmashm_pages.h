/* SPDX-License-Identifier: GPL-2.0-only */
/* The pages that a buffer's data lies in. */
#ifndef DMASHM_PAGES_H
#define DMASHM_PAGES_H

#include <linux/mmzone.h>
#include <linux/types.h>

struct page;

/* The most that the page allocator has in one piece, in pages. */
#define DMASHM_PAGES_CONTIGUOUS	MAX_ORDER_NR_PAGES

struct page **dmashm_pages_alloc(unsigned long nr_pages, bool contiguous);
void dmashm_pages_free(struct page **pages, unsigned long nr_pages);

#endif /* DMASHM_PAGES_H */
