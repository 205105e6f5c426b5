// SPDX-License-Identifier: MIT
/* The ioctls that every dma-buf has. */
#include <string.h>
#include <sys/ioctl.h>

#include <linux/dma-buf.h>

#include "argument.h"
#include "call.h"
#include "grammar.h"
#include "object.h"
#include "worker.h"

/* Makes it, and sees that no more than @out bytes came back. */
static long make(struct object *asked, unsigned long cmd, const void *bytes, size_t size,
		 size_t out, struct argument *argument)
{
	long result;

	argument_put(argument, bytes, size);
	note(" on %s %d", kind_name(asked->kind), asked->fd);
	result = call_result(ioctl(asked->fd, cmd, argument->at));
	argument_check(argument, result ? 0 : out);
	if (!result && asked->kind == KIND_NONE)
		fail("it worked on no fd");
	if (result < 0 && object_is_somebody_elses(asked) && asked->kind != KIND_FOREIGN)
		return -ENOTTY;
	return result;
}

static long run_sync(const struct call *call)
{
	struct object *asked = object_pick(KIND_DMABUF);
	struct dma_buf_sync sync = { .flags = percent(92) ? below(8) : grammar_u64() };
	struct argument argument;
	long result;

	(void)call;
	note(" %llx", (unsigned long long)sync.flags);
	result = make(asked, DMA_BUF_IOCTL_SYNC, &sync, sizeof(sync), 0, &argument);
	if (!result && asked->kind == KIND_DMABUF && asked->view &&
	    sync.flags & DMA_BUF_SYNC_WRITE)
		fail("a view was synchronised to write");
	return result;
}

static long run_export_fence(const struct call *call)
{
	struct object *asked = object_pick(KIND_DMABUF);
	struct dma_buf_export_sync_file arg = {
		.flags = percent(90) ? below(4) : grammar_u32(), .fd = -1,
	};
	struct argument argument;
	long result;

	(void)call;
	result = make(asked, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg, sizeof(arg),
		      sizeof(arg), &argument);
	if (!result) {
		memcpy(&arg, argument.at, sizeof(arg));
		object_add(arg.fd, KIND_SYNC_FILE);
	}
	return result;
}

static long run_import_fence(const struct call *call)
{
	struct object *asked = object_pick(KIND_DMABUF);
	struct object *fence = object_pick(KIND_SYNC_FILE);
	struct dma_buf_import_sync_file arg = {
		.flags = percent(90) ? below(4) : grammar_u32(), .fd = fence->fd,
	};
	struct argument argument;

	(void)call;
	return make(asked, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg, sizeof(arg), 0,
		    &argument);
}

static long run_name(const struct call *call)
{
	struct object *asked = object_pick(KIND_DMABUF);
	struct argument argument;
	char name[64];

	(void)call;
	grammar_name(name, sizeof(name));
	if (percent(80))
		name[below(31)] = '\0';
	return make(asked, percent(50) ? DMA_BUF_SET_NAME_A : DMA_BUF_SET_NAME_B,
		    name, sizeof(name), 0, &argument);
}

#define COMMON EFAULT, EINVAL, ENOTTY, EBADF, ENOMEM

const struct call dmabuf_calls[] = {
	{ "DMA_BUF_IOCTL_SYNC", 50, CALL_BLOCKS, ERRNO_LIST(COMMON, EACCES, EINTR, EUSERS), run_sync, NULL },
	{ "EXPORT_SYNC_FILE", 12, 0, ERRNO_LIST(COMMON, EMFILE, ENFILE), run_export_fence, NULL },
	{ "IMPORT_SYNC_FILE", 12, 0, ERRNO_LIST(COMMON), run_import_fence, NULL },
	{ "SET_NAME", 12, 0, ERRNO_LIST(COMMON), run_name, NULL },
	{ 0 },
};
