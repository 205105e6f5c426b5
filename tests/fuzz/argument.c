// SPDX-License-Identifier: MIT
#include <string.h>
#include <sys/mman.h>

#include "argument.h"
#include "grammar.h"
#include "worker.h"

#define CANARY 0xa5

/* Two pages, then one that is not there; and one that can only be read. */
static uint8_t *good, *hole, *constant;

static void make_memory(void)
{
	size_t page = grammar_page();

	good = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (good == MAP_FAILED)
		fail("no memory for arguments");
	hole = good + 2 * page;
	constant = good + 3 * page;
	mprotect(hole, page, PROT_NONE);
}

static void put(struct argument *argument, uint8_t *at)
{
	argument->at = at;
	argument->readable = true;
	argument->writable = true;
	memset(good, CANARY, 2 * grammar_page());
	memcpy(at, argument->before, argument->size);
}

/* Partly beyond the end of memory. */
static void put_torn(struct argument *argument)
{
	size_t there = below(argument->size);

	memset(good, CANARY, 2 * grammar_page());
	argument->at = hole - there;
	memcpy(argument->at, argument->before, there);
}

static void put_constant(struct argument *argument)
{
	size_t page = grammar_page();

	mprotect(constant, page, PROT_READ | PROT_WRITE);
	memcpy(constant, argument->before, argument->size);
	mprotect(constant, page, PROT_READ);
	argument->at = constant;
	argument->readable = true;
}

void argument_put(struct argument *argument, const void *bytes, size_t size)
{
	unsigned int way = below(100);

	if (!good)
		make_memory();
	argument->size = size;
	argument->readable = false;
	argument->writable = false;
	memcpy(argument->before, bytes, size);
	if (way < 85 || !size)
		put(argument, good + 1024);
	else if (way < 90)
		put(argument, good + 1024 + below(64));
	else if (way < 94)
		put(argument, hole - size);
	else if (way < 96)
		put_torn(argument);
	else if (way < 98)
		put_constant(argument);
	else
		argument->at = way & 1 ? NULL :
			       (uint8_t *)(uintptr_t)random_next(&me.random);
	note(" arg %s", !argument->readable ? "bad" :
			!argument->writable ? "constant" : "good");
}

void argument_check(const struct argument *argument, size_t out)
{
	size_t i;

	if (!argument->writable)
		return;
	if (memcmp(argument->at + out, argument->before + out,
		   argument->size - out))
		fail("what was not to be written was: of %zu bytes, behind %zu",
		     argument->size, out);
	for (i = 0; i < 256; i++)
		if (argument->at[-1 - (long)i] != CANARY ||
		    (argument->at + argument->size + i < hole &&
		     argument->at[argument->size + i] != CANARY))
			fail("%zu bytes before or behind the struct were written", i);
}
