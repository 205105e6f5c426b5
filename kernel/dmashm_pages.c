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

#include "dmashm_pages.h"

/* 2 MiB for a PMD, 64 KiB for the devices, 4 KiB where nothing else is left. */
static const unsigned int pages_orders[] = { 9, 4, 0 };

/*
 * Large folios are taken only where they lie ready. The last resort reclaims,
 * but __GFP_RETRY_MAYFAIL keeps it from the OOM killer: at the limit of the
 * caller's cgroup the caller gets -ENOMEM and nobody is killed.
 */
static gfp_t pages_gfp(unsigned int order)
{
	gfp_t gfp = GFP_HIGHUSER | __GFP_ACCOUNT | __GFP_ZERO | __GFP_NOWARN;

	if (order)
		return (gfp | __GFP_NORETRY) & ~__GFP_DIRECT_RECLAIM;
	return gfp | __GFP_RETRY_MAYFAIL;
}

/* @first: index into pages_orders; orders that failed are not tried again. */
static struct folio *pages_folio(unsigned long nr_pages, unsigned int *first)
{
	struct folio *folio;

	for (; *first < ARRAY_SIZE(pages_orders); (*first)++) {
		unsigned int order = pages_orders[*first];

		if (nr_pages < 1ul << order)
			continue;
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

	pages = kvmalloc_array(nr_pages, sizeof(*pages),
			       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
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
