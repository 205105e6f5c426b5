/* SPDX-License-Identifier: GPL-2.0-only */
/* The pages that a buffer's data lies in. */
#ifndef DMASHM_PAGES_H
#define DMASHM_PAGES_H

struct page;

struct page **dmashm_pages_alloc(unsigned long nr_pages);
void dmashm_pages_free(struct page **pages, unsigned long nr_pages);

#endif /* DMASHM_PAGES_H */
