// SPDX-License-Identifier: MIT
#include <sys/mman.h>

#include "grammar.h"
#include "mapping.h"
#include "worker.h"

#define PLACES	16
#define ARENA	((uintptr_t)0x200000000000)

static struct mapping places[PLACES];

void mapping_reset(void)
{
	int i;

	for (i = 0; i < PLACES; i++)
		places[i] = (struct mapping){
			.base = (uint8_t *)ARENA + i * PLACE_SIZE,
		};
}

struct mapping *mapping_place(void)
{
	return &places[below(PLACES)];
}

static struct mapping *mapping_which(bool any, enum content content)
{
	unsigned int n = 0, wanted;
	int i;

	for (i = 0; i < PLACES; i++)
		n += any ? !!places[i].content : places[i].content == content;
	if (!n)
		return NULL;
	wanted = below(n);
	for (i = 0;; i++)
		if ((any ? !!places[i].content : places[i].content == content) &&
		    !wanted--)
			return &places[i];
}

struct mapping *mapping_of(enum content content)
{
	return mapping_which(false, content);
}

struct mapping *mapping_used(void)
{
	struct mapping *mapping = mapping_which(true, CONTENT_NOTHING);

	return mapping ? mapping : mapping_place();
}

uint8_t *mapping_part(const struct mapping *mapping, size_t *length)
{
	size_t page = grammar_page(), start = mapping->start, left;

	*length = mapping->length;
	if (percent(50) && mapping->length > page)
		start += below(mapping->length / page) * page;
	left = PLACE_SIZE - start;
	if (percent(10))
		*length = below(left + 1);
	else if (percent(20))
		*length = (below(8) + 1) * page;
	else
		*length -= start - mapping->start;
	if (percent(3))
		start += below(page);
	if (*length > PLACE_SIZE - start)
		*length = PLACE_SIZE - start;
	return mapping->base + start;
}

void mapping_forget(struct mapping *mapping)
{
	munmap(mapping->base, PLACE_SIZE);
	mapping->content = CONTENT_NOTHING;
	mapping->readonly = false;
	mapping->start = 0;
	mapping->length = 0;
}

void mapping_check_zeroed(int fd, uint64_t offset, size_t start)
{
	size_t page = grammar_page(), i;
	const uint8_t *at = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)offset);

	if (at == MAP_FAILED)
		return;		/* no memory for it */
	for (i = start; i < page; i++)
		if (at[i])
			fail("what is new has %#x at %llx", at[i],
			     (unsigned long long)offset + i);
	munmap((void *)at, page);
}
