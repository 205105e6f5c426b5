// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "pretend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"

/* Marks of open files. */
enum { DMABUF = 40, MEMBER = 50 };

struct buffer {
	int data;		/* memfd */
	int control;		/* memfd of two pages */
	struct dmashm_facts *facts;
	uint32_t *words;
};

struct answers answers;

static struct buffer buffers[BUFFERS];
static uint32_t last_id;

#define MAPPINGS	64

static struct {
	char *at;		/* NULL: not in use */
	size_t length;
	bool guarded;
} mappings[MAPPINGS];

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int new_memfd(size_t pages)
{
	int fd = memfd_create("pretended", MFD_CLOEXEC);

	MUST(fd >= 0 && !ftruncate(fd, (off_t)(pages * page_size())));
	return fd;
}

void pretend_begin(void)
{
	unsigned int n;

	for (n = 0; n < BUFFERS; n++) {
		struct buffer *buf = &buffers[n];
		void *pages;

		buf->data = new_memfd(DATA_PAGES);
		buf->control = new_memfd(2);
		pages = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			     MAP_SHARED, buf->control, 0);
		MUST(pages != MAP_FAILED);
		buf->facts = pages;
		buf->words = (uint32_t *)((char *)pages + page_size());
	}
}

void pretend_forget(void)
{
	unsigned int n;

	memset(&answers, 0, sizeof(answers));
	last_id = 0;
	for (n = 0; n < BUFFERS; n++) {
		memset(buffers[n].facts, 0, page_size());
		memset(buffers[n].words, 0, page_size());
		*buffers[n].facts = (struct dmashm_facts){
			.magic = DMASHM_MAGIC,
			.abi = DMASHM_ABI,
			.size = DATA_PAGES * page_size(),
			.buffer_id = n + 1,
			.capacity = DMASHM_CAPACITY,
		};
	}
}

static int find_mapping(const void *at)
{
	int n;

	for (n = 0; n < MAPPINGS; n++)
		if (mappings[n].at == at)
			return n;
	return -1;
}

int count_mappings(void)
{
	int n, count = 0;

	for (n = 0; n < MAPPINGS; n++)
		count += mappings[n].at != NULL;
	return count;
}

bool is_mapped(const void *at, size_t length)
{
	int n;

	for (n = 0; n < MAPPINGS; n++) {
		size_t offset = (size_t)((const char *)at - mappings[n].at);

		if (mappings[n].at && (const char *)at >= mappings[n].at &&
		    offset <= mappings[n].length)
			return length <= mappings[n].length - offset;
	}
	return false;
}

struct dmashm_facts *facts_of(unsigned int buffer)
{
	return buffers[buffer].facts;
}

uint32_t *words_of(unsigned int buffer)
{
	return buffers[buffer].words;
}

/* -1 where there is no fd left, as a full table says to the library too. */
static int marked(int fd, int mark)
{
	if (fd >= 0)
		MUST(!fcntl(fd, F_SETSIG, mark));
	return fd;
}

/* A file of its own: the mark is one of the file's, not of the fd's. */
int new_dmabuf(unsigned int buffer)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", buffers[buffer].data);
	fd = marked(open(path, O_RDWR | O_CLOEXEC), DMABUF + (int)buffer);
	MUST(fd >= 0);
	return fd;
}

static int make_member(unsigned int buffer)
{
	return marked(eventfd(0, EFD_CLOEXEC), MEMBER + (int)buffer);
}

int new_member(unsigned int buffer)
{
	int fd = make_member(buffer);

	MUST(fd >= 0);
	return fd;
}

/* Which buffer's, or -1. */
static int buffer_of(int fd, int kind)
{
	int mark = fcntl(fd, F_GETSIG);

	return mark >= kind && mark < kind + BUFFERS ? mark - kind : -1;
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

static int join(int through, struct dmashm_join *arg)
{
	int buffer = buffer_of(through, MEMBER);

	if (buffer < 0)
		return refuse(ENOTTY);
	if (answers.join_error)
		return refuse(answers.join_error);
	if (arg->dmabuf_fd != -1) {
		if (fcntl(arg->dmabuf_fd, F_GETFD) < 0)
			return refuse(EBADF);
		if (buffer_of(arg->dmabuf_fd, DMABUF) < 0)
			return refuse(EINVAL);
		if (buffer_of(arg->dmabuf_fd, DMABUF) != buffer)
			return refuse(EXDEV);
	}
	arg->fd = make_member((unsigned int)buffer);
	if (arg->fd < 0)
		return -1;
	arg->id = answers.odd_member ? answers.id : ++last_id;
	arg->slot = answers.odd_member ? answers.slot :
					 (arg->id - 1) % DMASHM_CAPACITY;
	if (answers.odd_facts)
		*buffers[buffer].facts = answers.facts;
	return 0;
}

static int answer(int error)
{
	return error ? refuse(error) : 0;
}

/* In place of ioctl(2), in the library's files; see the Makefile. */
int pretend_ioctl(int fd, unsigned long command, ...);
int pretend_ioctl(int fd, unsigned long command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	switch (command) {
	case DMASHM_IOC_JOIN:
		return join(fd, arg);
	case DMASHM_IOC_LOCK:
		return answer(answers.lock_error);
	case DMASHM_IOC_WAIT:
		return answer(answers.wait_error);
	case DMASHM_IOC_WAKE:
		((struct dmashm_wake *)arg)->woken = UINT32_MAX;
		return 0;
	case DMASHM_IOC_SYNC:
	case DMA_BUF_IOCTL_SYNC:
		return answer(answers.sync_error);
	case DMASHM_IOC_UNLOCK:
	case DMASHM_IOC_RECOVER:
	case DMASHM_IOC_ARM:
		return 0;
	}
	return refuse(ENOTTY);
}

/* With a page on either side that is nobody's: who reads past the end is seen. */
static void *map_guarded(size_t length, int prot, int flags, int fd, off_t offset)
{
	size_t page = page_size(), whole = (length + page - 1) / page * page;
	char *room = mmap(NULL, whole + 2 * page, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *got;

	if (room == MAP_FAILED)
		return room;
	got = mmap(room + page, length, prot, flags | MAP_FIXED, fd, offset);
	if (got == MAP_FAILED)
		MUST(!munmap(room, whole + 2 * page));
	return got;
}

static void unmap_guarded(char *at, size_t length)
{
	size_t page = page_size(), whole = (length + page - 1) / page * page;

	MUST(!munmap(at - page, whole + 2 * page));
}

/* In place of mmap(2): members have their buffer's pages. */
void *pretend_mmap(void *addr, size_t length, int prot, int flags, int fd,
		   off_t offset);
void *pretend_mmap(void *addr, size_t length, int prot, int flags, int fd,
		   off_t offset)
{
	int buffer = fd < 0 ? -1 : buffer_of(fd, MEMBER);
	void *got;
	int n;

	if (answers.mmap_fails) {
		answers.mmap_fails--;
		if (!answers.mmap_fails) {
			errno = ENOMEM;
			return MAP_FAILED;
		}
	}
	if (buffer >= 0)
		fd = buffers[buffer].control;
	got = addr ? mmap(addr, length, prot, flags, fd, offset) :
		     map_guarded(length, prot, flags, fd, offset);
	if (got == MAP_FAILED)
		return got;
	n = find_mapping(NULL);
	MUST(n >= 0);
	mappings[n].at = got;
	mappings[n].length = length;
	mappings[n].guarded = !addr;
	return got;
}

int pretend_munmap(void *addr, size_t length);
int pretend_munmap(void *addr, size_t length)
{
	int n = find_mapping(addr);

	/* Of what it has, and all of it. */
	MUST(addr && n >= 0 && mappings[n].length == length);
	if (mappings[n].guarded)
		unmap_guarded(addr, length);
	else
		MUST(!munmap(addr, length));
	mappings[n].at = NULL;
	return 0;
}
