// SPDX-License-Identifier: MIT
/* See fence.h. */
#include "fence.h"

#include <stddef.h>
#include <stdint.h>

/* A compare-and-exchange is a full fence, too; nobody else sees this word. */
static void fence_machine(void)
{
	uint32_t own = 0;

	__atomic_exchange_n(&own, 1, __ATOMIC_SEQ_CST);
	__asm__ volatile("" : : "r"(&own) : "memory");
}

#ifdef FENCE_TOLD
/* More than there are slots to look at before a fence. */
#define REMEMBERED 64

static __thread const void *read[REMEMBERED];
static __thread unsigned int reads;
static __thread bool fenced;

void fence_read(const void *address)
{
	read[reads++ % REMEMBERED] = address;
}

void fence_change(void *address)
{
	if (fenced)
		__tsan_release(address);
	fenced = false;
	fence_read(address);
}

void fence_after(void)
{
	unsigned int n;

	fence_machine();
	for (n = 0; n < REMEMBERED && read[n]; n++) {
		__tsan_acquire((void *)(uintptr_t)read[n]);
		read[n] = NULL;
	}
	reads = 0;
}

void fence_before(void)
{
	fence_machine();
	fenced = true;
}
#else
void fence_after(void)
{
	fence_machine();
}

void fence_before(void)
{
	fence_machine();
}
#endif
