// SPDX-License-Identifier: MIT
/* Mappings of data and of control pages, and all that can be done to them. */
#include <sys/mman.h>
#include <sys/uio.h>

#include "call.h"
#include "grammar.h"
#include "mapping.h"
#include "object.h"
#include "worker.h"

static int draw_prot(void)
{
	static const int usual[] = {
		PROT_READ, PROT_READ, PROT_WRITE, PROT_NONE, PROT_READ | PROT_EXEC,
	};

	if (percent(60))
		return PROT_READ | PROT_WRITE;
	return percent(90) ? usual[below(5)] : (int)grammar_u32();
}

static int draw_flags(void)
{
	static const int more[] = {
		MAP_LOCKED, MAP_POPULATE, MAP_NORESERVE, MAP_NONBLOCK,
		MAP_HUGETLB, MAP_SYNC, MAP_GROWSDOWN, MAP_DENYWRITE,
	};
	int flags = percent(92) ? MAP_SHARED :
		    percent(50) ? MAP_PRIVATE : MAP_SHARED_VALIDATE;

	if (percent(85))
		return flags;
	return flags | more[below(sizeof(more) / sizeof(more[0]))];
}

static enum content content_of(const struct object *object, off_t offset)
{
	if (object->kind == KIND_MEMBER)
		return offset ? CONTENT_WORDS : CONTENT_FACTS;
	return object->kind == KIND_DMABUF || object->kind == KIND_IMPORTER ?
	       CONTENT_DATA : CONTENT_MIXED;
}

/* An importer of a view, too, though it may be written to itself. */
static bool only_reads(const struct object *object)
{
	return object->kind == KIND_IMPORTER ? object->view :
	       (object->kind == KIND_MEMBER || object->kind == KIND_DMABUF) && object->readonly;
}

/* What was mapped there before may show at its sides. */
static void remember(struct mapping *place, const struct object *object, size_t start,
		     size_t length, off_t offset, bool clean)
{
	place->start = start;
	place->length = length;
	place->content = clean ? content_of(object, offset) : CONTENT_MIXED;
	place->readonly = place->content == CONTENT_FACTS || (clean && only_reads(object));
}

/* Who may not write, or is not whose it is, gets no such mapping. */
static void check_mapped(const struct object *object, size_t length, int prot, int flags,
			 off_t offset)
{
	if (object->kind == KIND_DMABUF && offset + (off_t)length >
	    lseek(object->fd, 0, SEEK_END) + (off_t)grammar_page() - 1)
		fail("beyond its end, which is at %llx",
		     (long long)lseek(object->fd, 0, SEEK_END));
	if (object->kind == KIND_MEMBER && object->owner != me.pid)
		fail("control pages mapped by another process than joined");
	if (object->kind == KIND_MEMBER && !offset && prot & PROT_WRITE)
		fail("the facts were mapped to be written");
	if (only_reads(object) && prot & PROT_WRITE)
		fail("who may only read has a mapping to write");
	if ((object->kind == KIND_MEMBER || object->kind == KIND_DMABUF) &&
	    (flags & MAP_TYPE) == MAP_PRIVATE)
		fail("a private mapping was made");
}

static long map(struct object *object, int prot, size_t length, off_t offset)
{
	struct mapping *place = mapping_place();
	int flags = draw_flags();
	size_t start = percent(70) ? 0 : below(64) * grammar_page();
	bool clean = percent(80);
	void *at;

	if (clean)
		mapping_forget(place);
	if (length > PLACE_SIZE - start)
		start = 0;
	note(" %s %d length %zx prot %x flags %x offset %llx", kind_name(object->kind),
	     object->fd, length, prot, flags, (unsigned long long)offset);
	/* Too long for its place: nothing of ours is that long, so it must fail. */
	/* NOLINTNEXTLINE(clang-analyzer-unix.StdCLibraryFunctions): 0 is to fail, too */
	at = mmap(place->base + start, length, prot,
		  length > PLACE_SIZE ? flags : flags | MAP_FIXED, object->fd, offset);
	if (at == MAP_FAILED && object_is_somebody_elses(object))
		return -ENODEV;
	if (at == MAP_FAILED)
		return -errno;
	check_mapped(object, length, prot, flags, offset);
	if (length > PLACE_SIZE)
		fail("%zu bytes were mapped", length);
	if (at != place->base + start)
		fail("it was mapped elsewhere");
	remember(place, object, start, length, offset, clean);
	return 0;
}

static long run_map_data(const struct call *call)
{
	struct object *object = percent(75) ? object_pick(KIND_DMABUF) : object_pick_view(KIND_IMPORTER);
	size_t length = percent(60) ? (below(2) + 1) * grammar_page() : grammar_size();
	off_t offset = percent(80) ? 0 : (off_t)grammar_position();

	(void)call;
	if (percent(95))
		offset -= offset % (off_t)grammar_page();
	return map(object, draw_prot(), length, offset);
}

static long run_map_control(const struct call *call)
{
	struct object *object = object_pick(KIND_MEMBER);
	size_t page = grammar_page();
	off_t offset = percent(95) ? (percent(75) ? (off_t)page : 0) :
				     (off_t)(grammar_u64() & ~(page - 1));
	int prot = offset || percent(30) ? draw_prot() : PROT_READ;

	(void)call;
	return map(object, prot, percent(95) ? page : grammar_size(), offset);
}

static long run_unmap(const struct call *call)
{
	struct mapping *place = mapping_used();
	size_t length;
	uint8_t *at;

	(void)call;
	if (percent(50)) {
		mapping_forget(place);
		return 0;
	}
	at = mapping_part(place, &length);
	note(" %zx", length);
	return call_result(munmap(at, length));
}

static long run_protect(const struct call *call)
{
	struct mapping *place = mapping_used();
	int prot = draw_prot() & ~PROT_GROWSDOWN & ~PROT_GROWSUP;
	size_t length;
	uint8_t *at = mapping_part(place, &length);
	long result;

	(void)call;
	note(" content %d length %zx prot %x", place->content, length, prot);
	result = call_result(mprotect(at, length, prot));
	if (!result && length && place->readonly && prot & PROT_WRITE)
		fail("what may only be read was made writable");
	return result;
}

/* Not 100 and 101, which declare memory broken: that is not ours to do. */
static int draw_advice(void)
{
	return percent(95) ? (int)below(26) : (int)below(100);
}

static long run_advise(const struct call *call)
{
	struct mapping *place = mapping_used();
	int advice = draw_advice();
	size_t length;
	uint8_t *at = mapping_part(place, &length);

	(void)call;
	note(" content %d length %zx advice %d", place->content, length, advice);
	return call_result(madvise(at, length, advice));
}

static size_t pages(size_t length)
{
	return (length + grammar_page() - 1) / grammar_page();
}

/* Somewhere else, longer or shorter; always to a place of ours. */
static long run_remap(const struct call *call)
{
	struct mapping *from = mapping_used(), *to = mapping_place();
	size_t length, wanted, start = percent(70) ? 0 : below(64) * grammar_page();
	uint8_t *at = mapping_part(from, &length);
	void *result;

	(void)call;
	wanted = percent(60) ? length : below(PLACE_SIZE - start);
	if (percent(5))
		length = 0;
	note(" content %d from %zx to %zx", from->content, length, wanted);
	if (to == from) {
		result = mremap(at, length, wanted, 0);
		return result == MAP_FAILED ? -errno : 0;
	}
	mapping_forget(to);
	result = mremap(at, length, wanted, MREMAP_MAYMOVE | MREMAP_FIXED,
			to->base + start);
	if (result == MAP_FAILED)
		return -errno;
	if (pages(wanted) > pages(length) && from->content != CONTENT_MIXED)
		fail("a mapping grew from %zu to %zu", length, wanted);
	to->content = from->content;
	to->readonly = from->readonly;
	to->start = start;
	to->length = wanted;
	return 0;
}

/* Reads and writes what is mapped, or is not. */
static long run_touch(const struct call *call)
{
	struct mapping *place = mapping_of(CONTENT_DATA);
	uint32_t value = grammar_u32(), word;
	size_t length, i;
	bool write;
	uint8_t *at;

	(void)call;
	if (!place)
		return CALL_NOTHING;
	at = mapping_part(place, &length);
	write = percent(50);
	length /= sizeof(word);
	if (!length)
		return CALL_NOTHING;
	for (i = 0; i < 16; i++) {
		volatile uint32_t *p = (volatile uint32_t *)(((uintptr_t)at & ~3ul) +
				       below(length) * sizeof(word));

		if (!touch(p, write ? &value : &word, write))
			return -EFAULT;
		if (write && place->readonly)
			fail("what may only be read was written");
	}
	return 0;
}

/* Reads, locks, looks at what is there; a worker's own mappings or another's. */
static long run_look(const struct call *call)
{
	struct mapping *place = mapping_used();
	unsigned char map[PLACE_SIZE / 4096];
	size_t length;
	uint8_t *at = mapping_part(place, &length);

	(void)call;
	switch (below(4)) {
	case 0:
		return call_result(mlock(at, length));
	case 1:
		return call_result(munlock(at, length));
	case 2:
		return call_result(msync(at, length, below(8)));
	default:
		at = (uint8_t *)((uintptr_t)at & ~(grammar_page() - 1));
		return call_result(mincore(at, length, map));
	}
}

static long run_peek(const struct call *call)
{
	struct mapping *place = mapping_used();
	static uint8_t copy[16384];
	struct iovec local = { copy, below(sizeof(copy)) }, remote;
	struct slot *other = &shared->slot[below(me.legacy->workers)];
	pid_t pid = percent(50) ? me.pid : other->pid;
	bool write = percent(30);
	size_t length;

	(void)call;
	remote.iov_base = mapping_part(place, &length);
	remote.iov_len = length;
	if (pid <= 0)
		return CALL_NOTHING;
	/* Only places are ours to be written to: never beyond one. */
	return call_result(write ? process_vm_writev(pid, &local, 1, &remote, 1, 0) :
				   process_vm_readv(pid, &local, 1, &remote, 1, 0));
}

const struct call memory_calls[] = {
	{ "mmap data", 50, 0, ERRNO_LIST(EINVAL, EACCES, EPERM, ENOMEM, EOVERFLOW, EBADF, ENODEV,
					 EOPNOTSUPP, EAGAIN), run_map_data, NULL },
	{ "mmap control", 40, 0, ERRNO_LIST(EINVAL, EACCES, EPERM, ENOMEM, EOVERFLOW, EBADF, ENODEV,
					    EOPNOTSUPP, EAGAIN), run_map_control, NULL },
	{ "munmap", 25, 0, ERRNO_LIST(EINVAL, ENOMEM), run_unmap, NULL },
	{ "mprotect", 25, 0, ERRNO_LIST(EINVAL, EACCES, ENOMEM), run_protect, NULL },
	{ "madvise", 30, 0, ERRNO_LIST(EINVAL, ENOMEM, EBADF, EAGAIN, EPERM, EACCES, EFAULT, EBUSY,
				       EOPNOTSUPP, EIO, ENODEV), run_advise, NULL },
	{ "mremap", 25, 0, ERRNO_LIST(EINVAL, EFAULT, ENOMEM, EAGAIN), run_remap, NULL },
	{ "touch", 50, 0, ERRNO_LIST(EFAULT), run_touch, NULL },
	{ "mlock and the like", 12, 0, ERRNO_LIST(EINVAL, ENOMEM, EAGAIN, EBUSY, EIO), run_look, NULL },
	{ "process_vm_readv", 15, 0, ERRNO_LIST(EFAULT, EPERM, ESRCH, EINVAL), run_peek, NULL },
	{ 0 },
};
