// SPDX-License-Identifier: MIT
/*
 * Where the module is absent, as on a machine that may load none, the library's
 * way without a system call can be measured all the same: it touches nothing
 * but its own memory and the page of words. So a handle is put together here
 * on a page of words that is plain shared memory. What would need the kernel
 * fails then, so such a handle serves only where nobody waits.
 */
#include "handle.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../libclient/private.h"
#include "die.h"

bool handle_is_real(void)
{
	return !access(DMASHM_DEVICE, F_OK);
}

static void *pages(size_t size, int sharing)
{
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  sharing | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		die("no memory");
	return page;
}

/* @n counts members from 0; any id will do as long as no two are the same. */
static void be_member(struct dmashm_buffer *buf, unsigned int n)
{
	struct dmashm_self *self = dmashm_self(buf);

	if (n >= DMASHM_CAPACITY)
		die("no slot for member %u", n);
	self->held = DMASHM_HELD(n + 1);
	self->slot = self->words + DMASHM_OFF_SLOT(n) / sizeof(uint32_t);
	self->reader = NULL;
}

static struct dmashm_buffer *plain_new(void)
{
	struct dmashm_buffer *buf = pages(DMASHM_SELF_AT + DMASHM_WORDS_SIZE,
					  MAP_PRIVATE);

	dmashm_self(buf)->words = pages(DMASHM_WORDS_SIZE, MAP_SHARED);
	dmashm_self(buf)->facts = pages(DMASHM_WORDS_SIZE, MAP_SHARED);
	buf->dmabuf_fd = -1;
	buf->member_fd = -1;
	be_member(buf, 0);
	return buf;
}

static void plain_free(struct dmashm_buffer *buf)
{
	munmap((void *)(uintptr_t)dmashm_self(buf)->facts, DMASHM_WORDS_SIZE);
	munmap(dmashm_self(buf)->words, DMASHM_WORDS_SIZE);
	munmap(buf, DMASHM_SELF_AT + DMASHM_WORDS_SIZE);
}

struct dmashm_buffer *handle_new(void)
{
	struct dmashm_buffer *buf;
	int err;

	if (!handle_is_real())
		return plain_new();
	err = dmashm_create(DMASHM_WORDS_SIZE, "bench", 0, &buf);
	if (err)
		die("dmashm_create: %s", strerror(-err));
	return buf;
}

void handle_free(struct dmashm_buffer *buf)
{
	if (buf->member_fd < 0)
		plain_free(buf);
	else
		dmashm_close(buf);
}

void handle_inherit(struct dmashm_buffer *buf, unsigned int n)
{
	/* The library joins for the child at its first call. */
	if (buf->member_fd < 0)
		be_member(buf, n + 1);
}
