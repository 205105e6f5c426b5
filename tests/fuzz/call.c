// SPDX-License-Identifier: MIT
#include "call.h"
#include "worker.h"

static const struct call *const lists[] = {
	ioctl_calls, dmabuf_calls, memory_calls, words_calls, file_calls,
	pipe_calls, process_calls, device_calls, look_calls, ring_calls,
};

#define LISTS (sizeof(lists) / sizeof(lists[0]))

const struct call *call_get(unsigned int index)
{
	const struct call *call;
	size_t i;

	for (i = 0; i < LISTS; i++)
		for (call = lists[i]; call->name; call++)
			if (!index--)
				return call;
	return NULL;
}

unsigned int call_count(void)
{
	unsigned int n = 0;

	while (call_get(n))
		n++;
	return n;
}

unsigned int call_draw(void)
{
	static unsigned int total;
	unsigned int i, left;

	if (!total)
		for (i = 0; call_get(i); i++)
			total += call_get(i)->weight;
	left = below(total ? total : 1);
	for (i = 0; left >= call_get(i)->weight; i++)
		left -= call_get(i)->weight;
	return i;
}
