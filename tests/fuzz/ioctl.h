/* SPDX-License-Identifier: MIT */
/* The ioctls, each by a description of its struct. */
#ifndef FUZZ_IOCTL_H
#define FUZZ_IOCTL_H

#include <stddef.h>
#include <stdint.h>

struct object;

enum type {
	TYPE_PAD,		/* 0, in and out */
	TYPE_OUT,		/* ignored on input */
	TYPE_FD,		/* of a dma-buf, or -1 */
	TYPE_FLAGS,		/* any of @known */
	TYPE_MODE,		/* of open */
	TYPE_SIZE,
	TYPE_NAME,
	TYPE_OFFSET,		/* of a word */
	TYPE_VALUE,		/* of a word */
	TYPE_DEADLINE,
	TYPE_COUNT,
	TYPE_DEPARTURES,
	TYPE_SYNC,		/* flags of DMA_BUF_IOCTL_SYNC */
	TYPE_POSITION,
	TYPE_LENGTH,
};

struct field {
	size_t offset;
	size_t size;
	enum type type;
	uint32_t known;
};

#define FIELDS 14

#define ON(kind) (1u << (kind))

/**
 * struct grammar - one ioctl
 * @cmd:    as in the header
 * @on:     the kinds of fds that answer it
 * @fields: of its struct
 * @given:  looks at what came back, where it worked
 */
struct grammar {
	unsigned long cmd;
	unsigned int on;
	struct field fields[FIELDS];
	void (*given)(struct object *asked, struct object *passed,
		      const void *arg);
};

/* The last member of a buffer that this process made; -1: none yet. */
extern int ioctl_made;

extern const struct grammar ioctl_create;
extern const struct grammar ioctl_join;
extern const struct grammar ioctl_export;
extern const struct grammar ioctl_info;
extern const struct grammar ioctl_seal;
extern const struct grammar ioctl_wait_word;
extern const struct grammar ioctl_wake;
extern const struct grammar ioctl_arm;
extern const struct grammar ioctl_lock;
extern const struct grammar ioctl_unlock;
extern const struct grammar ioctl_recover;
extern const struct grammar ioctl_sync_range;

#endif /* FUZZ_IOCTL_H */
