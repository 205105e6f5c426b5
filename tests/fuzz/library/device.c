// SPDX-License-Identifier: MIT
/* The true /dev/dmashm where the fuzzers else pretend one: see pretend.h. */
#define _GNU_SOURCE
#include "pretend.h"

#include <dmashm.h>
#include <fcntl.h>
#include <unistd.h>

#include "input.h"

struct answers answers;

static struct dmashm_buffer *buffers[BUFFERS];

void pretend_begin(void)
{
	size_t size = DATA_PAGES * (size_t)sysconf(_SC_PAGESIZE);
	unsigned int n;

	for (n = 0; n < BUFFERS; n++)
		MUST(!dmashm_create(size, "fuzzed", 0, &buffers[n]));
}

void pretend_forget(void)
{
	answers = (struct answers){ 0 };
}

int new_dmabuf(unsigned int buffer)
{
	int fd = fcntl(dmashm_fd(buffers[buffer]), F_DUPFD_CLOEXEC, 0);

	MUST(fd >= 0);
	return fd;
}

int new_member(unsigned int buffer)
{
	int fd = fcntl(dmashm_member_fd(buffers[buffer]), F_DUPFD_CLOEXEC, 0);

	MUST(fd >= 0);
	return fd;
}

int count_mappings(void)
{
	return 0;
}

bool is_mapped(const void *at, size_t length)
{
	(void)at;
	(void)length;
	return true;
}

struct dmashm_facts *facts_of(unsigned int buffer)
{
	(void)buffer;
	return NULL;
}

uint32_t *words_of(unsigned int buffer)
{
	(void)buffer;
	return NULL;
}
