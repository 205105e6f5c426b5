// SPDX-License-Identifier: MIT
/*
 * The ioctls of <linux/dmashm.h>: on each kind of fd, with sizes and places of
 * all kinds.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <linux/dma-buf.h>
#include <linux/dmashm.h>

#include "argument.h"
#include "call.h"
#include "grammar.h"
#include "ioctl.h"
#include "object.h"
#include "worker.h"

/*
 * Drawing one
 */

static uint64_t draw_fd(struct object *asked, struct object **passed)
{
	/* On a member, -1 is its own buffer. */
	if (asked->kind == KIND_MEMBER && percent(60))
		return (uint64_t)-1;
	*passed = object_pick(KIND_DMABUF);
	note(" of %s %d", kind_name((*passed)->kind), (*passed)->fd);
	return (uint64_t)(*passed)->fd;
}

static uint64_t draw_number(const struct field *field, struct object *asked,
			    struct object **passed)
{
	switch (field->type) {
	case TYPE_PAD:
		return percent(97) ? 0 : grammar_u32();
	case TYPE_FD:
		return draw_fd(asked, passed);
	case TYPE_FLAGS:
		return grammar_flags(field->known);
	case TYPE_MODE:
		return percent(90) ? (percent(50) ? O_RDWR : O_RDONLY) : grammar_u32();
	case TYPE_SIZE:
		return grammar_size();
	case TYPE_OFFSET:
		return grammar_offset();
	case TYPE_VALUE:
		return percent(60) ? 0 : percent(50) ? below(4) : grammar_word();
	case TYPE_DEADLINE:
		return grammar_deadline();
	case TYPE_COUNT:
		return percent(70) ? below(4) : grammar_u32();
	case TYPE_DEPARTURES:
		return percent(60) ? 0 : percent(50) ? below(20) : grammar_u32();
	case TYPE_SYNC:
		return percent(90) ? below(8) : grammar_u64();
	case TYPE_POSITION:
		return grammar_position();
	case TYPE_LENGTH:
		return percent(80) ? below(grammar_page()) + 1 : grammar_u64();
	default:
		return grammar_u64();
	}
}

static void draw_field(const struct field *field, uint8_t *arg, struct object *asked,
		       struct object **passed)
{
	uint64_t number;

	if (field->type == TYPE_NAME || field->size > sizeof(number)) {
		grammar_name((char *)arg + field->offset, field->size);
		return;
	}
	number = draw_number(field, asked, passed);
	note(" %llx", (unsigned long long)number);
	memcpy(arg + field->offset, &number, field->size);
}

/* Shorter than the first version, or longer than this one. */
static size_t draw_size(size_t size)
{
	unsigned int way = below(100);

	if (way < 94)
		return size;
	if (way < 96)
		return below(size);
	if (way < 99)
		return size + below(64);
	return below(ARGUMENT_MAX);
}

/* The number of the command, with another size, and now and then another way. */
static unsigned long draw_cmd(unsigned long cmd, size_t size)
{
	unsigned long direction = percent(99) ? _IOC_DIR(cmd) : below(4);

	return _IOC(direction, _IOC_TYPE(cmd), _IOC_NR(cmd), size);
}

static bool is_answered(const struct grammar *grammar, const struct object *asked,
			unsigned long cmd)
{
	return grammar->on & ON(asked->kind) && _IOC_DIR(cmd) == _IOC_DIR(grammar->cmd);
}

static uint64_t field_of(const struct field *field, const uint8_t *arg)
{
	uint64_t number = 0;

	memcpy(&number, arg + field->offset,
	       field->size < sizeof(number) ? field->size : sizeof(number));
	return number;
}

/* May a call with this in it have worked? */
static bool is_valid(const struct field *field, uint64_t number)
{
	switch (field->type) {
	case TYPE_PAD:
		return !number;
	case TYPE_FLAGS:
		return !(number & ~(uint64_t)field->known);
	case TYPE_MODE:
		return number == O_RDONLY || number == O_RDWR;
	case TYPE_SIZE:
	case TYPE_LENGTH:
		return number;
	case TYPE_OFFSET:
		return number < DMASHM_WORDS_SIZE && number % 4 == 0;
	case TYPE_SYNC:
		return number & DMA_BUF_SYNC_RW &&
		       !(number & ~(uint64_t)(DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END));
	default:
		return true;
	}
}

/* What is padding is zero on the way out, too. */
static void check_given(const struct grammar *grammar, struct object *asked,
			struct object *passed, const struct argument *argument)
{
	const struct field *field;

	for (field = grammar->fields; field->size; field++) {
		uint64_t number = field_of(field, argument->before);

		if (!is_valid(field, number))
			fail("it worked with %llx at %zu", (unsigned long long)number, field->offset);
		if (field->type == TYPE_PAD && field_of(field, argument->at))
			fail("padding came back as %llx",
			     (unsigned long long)field_of(field, argument->at));
	}
	if (grammar->given)
		grammar->given(asked, passed, argument->at);
}

static void check_answer(const struct grammar *grammar, struct object *asked,
			 unsigned long cmd, long result, size_t user_size)
{
	bool answered = is_answered(grammar, asked, cmd);
	size_t size = _IOC_SIZE(grammar->cmd);

	if (answered == (result == -ENOTTY) &&
	    (asked->kind == KIND_DEVICE || asked->kind == KIND_MEMBER ||
	     asked->kind == KIND_DMABUF))
		fail("%ld on a %s", result, kind_name(asked->kind));
	if (result >= 0 && asked->kind == KIND_NONE)
		fail("%ld on no fd", result);
	if (answered && user_size < size && result != -EINVAL)
		fail("%ld with a struct of %zu bytes, not %zu", result, user_size, size);
}

/* Held, though it is no 0. */
static bool is_success(const struct grammar *grammar, long result)
{
	return !result || (grammar == &ioctl_lock && result == -EOWNERDEAD);
}

/*
 * What was locked last: who unlocks or recovers at random seldom hits what is held.
 */
static struct {
	int fd;
	uint32_t flags;
} held = { .fd = -1 };

static struct object *draw_asked(const struct grammar *grammar)
{
	bool unlocks = grammar == &ioctl_unlock || grammar == &ioctl_recover;
	struct object *asked = unlocks && percent(60) ? object_by_fd(held.fd) : NULL;

	if (grammar == &ioctl_seal && percent(60))
		asked = object_by_fd(ioctl_made);
	if (asked)
		return asked;
	if (grammar->on == ON(KIND_MEMBER))
		return object_pick(KIND_MEMBER);
	if (grammar->on == ON(KIND_DEVICE))
		return object_pick(KIND_DEVICE);
	return object_pick(percent(60) ? KIND_MEMBER : KIND_DEVICE);
}

static void draw_struct(const struct grammar *grammar, uint8_t *arg, struct object *asked,
			struct object **passed)
{
	const struct field *field;

	for (field = grammar->fields; field->size; field++)
		draw_field(field, arg, asked, passed);
	if (grammar == &ioctl_unlock && asked->fd == held.fd && percent(90))
		((struct dmashm_unlock *)arg)->flags =
			held.flags & DMASHM_LOCK_SHARED ? DMASHM_UNLOCK_SHARED : 0;
}

static void remember_lock(const struct grammar *grammar, const struct object *asked,
			  const void *arg)
{
	const struct dmashm_lock *lock = arg;

	if (grammar == &ioctl_lock) {
		held.fd = asked->fd;
		held.flags = lock->flags;
	} else if (grammar == &ioctl_unlock) {
		held.fd = -1;
	}
}

/* An fd more than there may be, now and then. */
static bool take_fds(struct rlimit *limit)
{
	struct rlimit none;

	if (percent(98) || getrlimit(RLIMIT_NOFILE, limit))
		return false;
	none = *limit;
	none.rlim_cur = below(4);
	note(" no fds");
	return !setrlimit(RLIMIT_NOFILE, &none);
}

/* Without a signal, too: its deadline is near, or it takes its time by itself. */
static bool will_end(const struct grammar *grammar, const uint8_t *arg)
{
	const struct field *field;

	if (grammar == &ioctl_seal)
		return true;
	for (field = grammar->fields; field->size; field++)
		if (field->type == TYPE_DEADLINE)
			return field_of(field, arg) < clock_ns() + 1000000000;
	return false;
}

static long run_ioctl(const struct call *call)
{
	const struct grammar *grammar = call->data;
	struct object *asked = draw_asked(grammar);
	struct object *passed = NULL;
	size_t size = _IOC_SIZE(grammar->cmd), user_size = draw_size(size), out = 0;
	uint8_t bytes[ARGUMENT_MAX] = { 0 };
	struct argument argument;
	bool taken, unknown = false;
	struct rlimit limit;
	unsigned long cmd;
	long result;

	note(" on %s %d", kind_name(asked->kind), asked->fd);
	draw_struct(grammar, bytes, asked, &passed);
	if (user_size > size && percent(30)) {
		bytes[size + below(user_size - size)] = 1;
		unknown = true;
	}
	if (will_end(grammar, bytes) && percent(50))
		interrupt_no_more();
	argument_put(&argument, bytes, user_size);
	cmd = draw_cmd(grammar->cmd, user_size);
	taken = take_fds(&limit);
	result = call_result(ioctl(asked->fd, cmd, argument.at));
	if (taken)
		setrlimit(RLIMIT_NOFILE, &limit);

	if (!result && _IOC_DIR(cmd) & _IOC_READ)
		out = user_size < size ? user_size : size;
	argument_check(&argument, out);
	check_answer(grammar, asked, cmd, result, user_size);
	if (unknown && is_answered(grammar, asked, cmd) && argument.readable && result != -E2BIG)
		fail("%ld where it cannot know all", result);
	if (object_is_somebody_elses(asked))
		return result < 0 ? -ENOTTY : result;
	if (is_success(grammar, result) && is_answered(grammar, asked, cmd)) {
		if (!argument.readable || (_IOC_DIR(cmd) & _IOC_READ && !argument.writable))
			fail("it worked with memory that is not there");
		remember_lock(grammar, asked, bytes);
		check_given(grammar, asked, passed, &argument);
	}
	return result;
}

/* Any number on any fd but on those of the kernel's own drivers. */
static long run_any(const struct call *call)
{
	static const enum kind kinds[] = {
		KIND_DEVICE, KIND_MEMBER, KIND_DMABUF, KIND_HEAP,
	};
	struct object *asked = object_of(kinds[below(4)]);
	uint8_t bytes[ARGUMENT_MAX];
	struct argument argument;
	unsigned long cmd;
	size_t i;

	(void)call;
	if (!asked)
		return CALL_NOTHING;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = percent(80) ? 0 : (uint8_t)below(256);
	argument_put(&argument, bytes, below(ARGUMENT_MAX));
	cmd = _IOC(below(4), percent(80) ? DMASHM_IOC_MAGIC : below(256),
		   0x20 + below(0xe0), percent(80) ? argument.size : below(1 << 14));
	/* FIOCLEX and the like are answered for all fds; none has an argument here. */
	if (_IOC_TYPE(cmd) != DMASHM_IOC_MAGIC && (_IOC_TYPE(cmd) == 'T' || _IOC_TYPE(cmd) == 'f' ||
	    _IOC_TYPE(cmd) == 'X' || !_IOC_TYPE(cmd)))
		return CALL_NOTHING;
	note(" on %s %d cmd %lx", kind_name(asked->kind), asked->fd, cmd);
	return call_result(ioctl(asked->fd, cmd, argument.at));
}

/* What all of them have in common. */
#define COMMON	EFAULT, EINVAL, E2BIG, ENOTTY, EBADF
#define TARGET	EACCES, EXDEV
#define NEW_FD	ENOMEM, EMFILE, ENFILE

const struct call ioctl_calls[] = {
	{ "CREATE", 25, 0, ERRNO_LIST(COMMON, NEW_FD, EFBIG, EDQUOT, ENOSPC), run_ioctl, &ioctl_create },
	{ "JOIN", 60, 0, ERRNO_LIST(COMMON, TARGET, NEW_FD, EUSERS, EOVERFLOW), run_ioctl, &ioctl_join },
	{ "EXPORT", 30, 0, ERRNO_LIST(COMMON, TARGET, NEW_FD, EPERM), run_ioctl, &ioctl_export },
	{ "INFO", 30, 0, ERRNO_LIST(COMMON, TARGET), run_ioctl, &ioctl_info },
	{ "SEAL", 20, CALL_BLOCKS, ERRNO_LIST(COMMON, EBUSY, EPERM, EACCES, EINTR), run_ioctl, &ioctl_seal },
	{ "WAIT", 40, CALL_BLOCKS | CALL_RARE, ERRNO_LIST(COMMON, EAGAIN, ETIMEDOUT, EINTR, EUSERS), run_ioctl, &ioctl_wait_word },
	{ "WAKE", 40, 0, ERRNO_LIST(COMMON, EACCES), run_ioctl, &ioctl_wake },
	{ "ARM", 20, 0, ERRNO_LIST(COMMON), run_ioctl, &ioctl_arm },
	{ "LOCK", 110, CALL_BLOCKS, ERRNO_LIST(COMMON, EOWNERDEAD, EBUSY, ETIMEDOUT, EINTR, EUSERS,
					       EOVERFLOW, EPERM, EACCES, ESTALE), run_ioctl, &ioctl_lock },
	{ "UNLOCK", 70, 0, ERRNO_LIST(COMMON, EPERM, EPROTO, EACCES, ESTALE), run_ioctl, &ioctl_unlock },
	{ "RECOVER", 30, 0, ERRNO_LIST(COMMON, EPERM, EPROTO, EACCES), run_ioctl, &ioctl_recover },
	{ "SYNC", 40, CALL_BLOCKS, ERRNO_LIST(COMMON, EACCES, EINTR, EUSERS), run_ioctl, &ioctl_sync_range },
	{ "no such ioctl", 15, CALL_RARE, ERRNO_LIST(COMMON), run_any, NULL },
	{ 0 },
};
