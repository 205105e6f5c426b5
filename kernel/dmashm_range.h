/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of a buffer's data. */
#ifndef DMASHM_RANGE_H
#define DMASHM_RANGE_H

#include <linux/minmax.h>
#include <linux/types.h>

/* Bytes of the data: from start on, before end. Empty where both are the same. */
struct dmashm_range {
	size_t start;
	size_t end;
};

static inline bool dmashm_range_is_empty(const struct dmashm_range *range)
{
	return range->start == range->end;
}

/* What lies between two is added too. */
static inline void dmashm_range_add(struct dmashm_range *to,
				    const struct dmashm_range *range)
{
	if (dmashm_range_is_empty(to))
		*to = *range;
	to->start = min(to->start, range->start);
	to->end = max(to->end, range->end);
}

#endif /* DMASHM_RANGE_H */
