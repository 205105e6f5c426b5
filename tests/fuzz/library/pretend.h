/* SPDX-License-Identifier: MIT */
/*
 * A module that is not there: what the library asks of the kernel, answered in
 * this process, as the fuzzer's bytes say. So that the library is fuzzed where no
 * module can be loaded, as fast as the machine goes, and told what a right kernel
 * never says. device.c is the same with the true /dev/dmashm.
 *
 * dma-bufs are memfds, members are eventfds, which have no file type either; what
 * is written on an open file by F_SETSIG says which. All members of a buffer map
 * the same two pages.
 */
#ifndef FUZZ_PRETEND_H
#define FUZZ_PRETEND_H

#include <linux/dmashm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFERS		2	/* there are so many */
#define DATA_PAGES	4

/* What the next calls are answered. */
struct answers {
	int join_error;		/* positive; 0: as a module would */
	bool odd_member;	/* with these in place of what is right: */
	uint32_t id;
	uint32_t slot;
	bool odd_facts;
	struct dmashm_facts facts;
	unsigned int mmap_fails;	/* this one from now on; 0: none */
	int lock_error;
	int wait_error;
	int sync_error;
};

extern struct answers answers;

/* Once, at the start. */
void pretend_begin(void);

/* The control pages as they were when the buffers were made. */
void pretend_forget(void);

/* Fds of the caller's: a dma-buf of a buffer, a member to join from. */
int new_dmabuf(unsigned int buffer);
int new_member(unsigned int buffer);

/* How many mappings the library has; does one of them hold this? */
int count_mappings(void);
bool is_mapped(const void *at, size_t length);

/* The pages that all members of a buffer share; NULL of true ones. */
struct dmashm_facts *facts_of(unsigned int buffer);
uint32_t *words_of(unsigned int buffer);

#endif /* FUZZ_PRETEND_H */
