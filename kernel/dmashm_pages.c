// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages in folios as large as can be had: they make few scatterlist entries,
 * and the core maps a whole one at a time where it has the size of a PMD.
 */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dmashm_gfp.h"
#include "dmashm_pages.h"

/* 2 MiB for a PMD, 64 KiB for the devices, 4 KiB where nothing else is left. */
static const unsigned int pages_orders[] = { 9, 4, 0 };

#define PAGES_LARGEST	BIT(9)	/* in pages */

static unsigned int max_order = 9;

static int pages_set_max_order(const char *value, const struct kernel_param *kp)
{
	return param_set_uint_minmax(value, kp, 0, pages_orders[0]);
}

static const struct kernel_param_ops pages_max_order_ops = {
	.set = pages_set_max_order,
	.get = param_get_uint,
};
module_param_cb(max_order, &pages_max_order_ops, &max_order, 0644);
MODULE_PARM_DESC(max_order,
		 "no folios of a higher order, of 9, 4 and 0 (default: 9)");

#define PAGES_GFP (DMASHM_GFP | __GFP_HIGHMEM | __GFP_HARDWALL | __GFP_ZERO)

/* How to allocate for one buffer. */
struct pages_search {
	unsigned int first;	/* the orders before failed a moment ago */
	bool compact;		/* compacting memory has not failed yet */
};

/* Large folios are taken where they lie ready; the last resort reclaims. */
static gfp_t pages_gfp(unsigned int order)
{
	if (!order)
		return PAGES_GFP;
	return (PAGES_GFP & ~(__GFP_DIRECT_RECLAIM | __GFP_RETRY_MAYFAIL)) |
	       __GFP_NORETRY;
}

/*
 * Or else by compacting, once. With __GFP_NORETRY the core would look only at
 * memory for unmovable pages like ours, and find nothing to move. No OOM killer
 * comes for orders above 3, neither that of the machine nor of the cgroup.
 */
static gfp_t pages_compact_gfp(void)
{
	return PAGES_GFP & ~__GFP_RETRY_MAYFAIL;
}

/*
 * Compaction that succeeds pays, by few faults, few scatterlist entries, and
 * memory that is ready the next time. Where it fails it would make each folio
 * dear: its first failure ends it for this buffer, and the core puts it off for
 * the next ones. A smaller order would gain less than moving its pages costs.
 */
static struct folio *pages_folio_of(unsigned int order,
				    struct pages_search *search)
{
	struct folio *folio = folio_alloc(pages_gfp(order), order);

	if (folio || order != pages_orders[0] || !search->compact)
		return folio;
	folio = folio_alloc(pages_compact_gfp(), order);
	if (!folio)
		search->compact = false;
	return folio;
}

/*
 * An order that failed is tried again when the next piece of the largest order
 * begins, and not before. So within such a piece the orders only fall, and
 * each folio begins at an index that is a multiple of its size, which mapping a
 * whole one relies on.
 */
static struct folio *pages_folio(unsigned long i, unsigned long nr_pages,
				 struct pages_search *search)
{
	if (i % PAGES_LARGEST == 0)
		search->first = 0;
	for (; search->first < ARRAY_SIZE(pages_orders); search->first++) {
		unsigned int order = pages_orders[search->first];
		struct folio *folio;

		if (order > READ_ONCE(max_order) ||
		    nr_pages - i < 1ul << order)
			continue;
		folio = pages_folio_of(order, search);
		if (folio)
			return folio;
	}
	return NULL;
}

static void pages_put(struct page **pages, unsigned long nr_pages)
{
	unsigned long i = 0;

	while (i < nr_pages) {
		struct folio *folio = page_folio(pages[i]);

		i += folio_nr_pages(folio);
		folio_put(folio);
		cond_resched();
	}
}

static int pages_fill(struct page **pages, unsigned long nr_pages)
{
	struct pages_search search = { .compact = true };
	unsigned long i = 0;

	while (i < nr_pages) {
		struct folio *folio;
		long n;

		if (fatal_signal_pending(current)) {
			pages_put(pages, i);
			return -EINTR;
		}
		folio = pages_folio(i, nr_pages, &search);
		if (!folio) {
			pages_put(pages, i);
			return -ENOMEM;
		}
		/*
		 * What its last user left there: a number beyond the end of the
		 * file keeps the core from mapping the folio whole.
		 */
		folio->index = i;
		for (n = 0; n < folio_nr_pages(folio); n++)
			pages[i++] = folio_page(folio, n);
		cond_resched();
	}
	return 0;
}

/*
 * One block of the page allocator. A power of two can be a single folio; else
 * the block is split, so that what is beyond the end goes back. A block that is
 * neither would not do: the pages must be such that anybody can hold one.
 */
static int pages_fill_contiguous(struct page **pages, unsigned long nr_pages)
{
	unsigned int order = order_base_2(nr_pages);
	gfp_t gfp = PAGES_GFP;
	struct page *page;
	unsigned long i;

	if (is_power_of_2(nr_pages)) {
		struct folio *folio = folio_alloc(gfp, order);

		if (folio)
			folio->index = 0;	/* as in pages_fill() */
		page = folio ? folio_page(folio, 0) : NULL;
	} else {
		page = alloc_pages(gfp, order);
		if (page)
			split_page(page, order);
	}
	if (!page)
		return fatal_signal_pending(current) ? -EINTR : -ENOMEM;
	for (i = 0; i < nr_pages; i++)
		pages[i] = page + i;
	for (; i < 1ul << order; i++)
		__free_page(page + i);
	return 0;
}

/**
 * dmashm_pages_alloc() - allocate zeroed pages
 * @nr_pages:   how many, not 0
 * @contiguous: they must follow each other in physical memory; no more than
 *              DMASHM_PAGES_CONTIGUOUS then
 *
 * They are charged to the caller's memory cgroup.
 *
 * Context: process, may sleep.
 * Return: an array of @nr_pages pages, for dmashm_pages_free(); -ENOMEM;
 * -EINTR the caller is being killed.
 */
struct page **dmashm_pages_alloc(unsigned long nr_pages, bool contiguous)
{
	struct page **pages;
	int ret;

	pages = dmashm_kvmalloc(array_size(nr_pages, sizeof(*pages)));
	if (!pages)
		return ERR_PTR(-ENOMEM);
	if (contiguous)
		ret = pages_fill_contiguous(pages, nr_pages);
	else
		ret = pages_fill(pages, nr_pages);
	if (!ret)
		return pages;
	kvfree(pages);
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
	pages_put(pages, nr_pages);
	kvfree(pages);
}
