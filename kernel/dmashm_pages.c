// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages in folios as large as can be had: they make few scatterlist entries,
 * and the core maps a whole one at a time where it has the size of a PMD.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dmashm_gfp.h"
#include "dmashm_pages.h"

/* 2 MiB for a PMD, 64 KiB for the devices, 4 KiB where nothing else is left. */
static const unsigned int pages_orders[] = { 9, 4, 0 };

/* Large folios are taken only where they lie ready; the last resort reclaims. */
static gfp_t pages_gfp(unsigned int order)
{
	gfp_t gfp = DMASHM_GFP | __GFP_HIGHMEM | __GFP_HARDWALL | __GFP_ZERO;

	if (!order)
		return gfp;
	gfp &= ~(__GFP_DIRECT_RECLAIM | __GFP_RETRY_MAYFAIL);
	return gfp | __GFP_NORETRY;
}

/*
 * @first: index into pages_orders. An order that failed or is too large is never
 * tried again: as the orders only fall, each folio begins at an index that is
 * a multiple of its size, which mapping a whole one relies on.
 */
static struct folio *pages_folio(unsigned long nr_pages, unsigned int *first)
{
	struct folio *folio;

	for (; *first < ARRAY_SIZE(pages_orders); (*first)++) {
		unsigned int order = pages_orders[*first];

		if (nr_pages < 1ul << order)
			continue;	/* and so it stays: nr_pages falls too */
		folio = folio_alloc(pages_gfp(order), order);
		if (folio)
			return folio;
	}
	return NULL;
}

/**
 * dmashm_pages_alloc() - allocate zeroed pages
 * @nr_pages: how many, not 0
 *
 * They are charged to the caller's memory cgroup.
 *
 * Context: process, may sleep.
 * Return: an array of @nr_pages pages, for dmashm_pages_free(); -ENOMEM;
 * -EINTR the caller is being killed.
 */
struct page **dmashm_pages_alloc(unsigned long nr_pages)
{
	struct page **pages;
	unsigned int first = 0;
	unsigned long i = 0;
	int ret;

	pages = kvmalloc_array(nr_pages, sizeof(*pages), DMASHM_GFP);
	if (!pages)
		return ERR_PTR(-ENOMEM);

	while (i < nr_pages) {
		struct folio *folio;
		long n;

		ret = -EINTR;
		if (fatal_signal_pending(current))
			goto free_pages;
		ret = -ENOMEM;
		folio = pages_folio(nr_pages - i, &first);
		if (!folio)
			goto free_pages;
		for (n = 0; n < folio_nr_pages(folio); n++)
			pages[i++] = folio_page(folio, n);
		cond_resched();
	}
	return pages;

free_pages:
	dmashm_pages_free(pages, i);
	return ERR_PTR(ret);
}

/**
 * dmashm_pages_free() - give pages back
 * @pages:    what dmashm_pages_alloc() gave
 * @nr_pages: how many of them there are
 *
 * A pipe, a device or direct I/O may still hold a page: it is freed with the
 * last reference.
 */
void dmashm_pages_free(struct page **pages, unsigned long nr_pages)
{
	unsigned long i = 0;

	while (i < nr_pages) {
		struct folio *folio = page_folio(pages[i]);

		i += folio_nr_pages(folio);
		folio_put(folio);
		cond_resched();
	}
	kvfree(pages);
}
