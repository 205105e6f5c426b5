// SPDX-License-Identifier: MIT
/*
 * Mappings of the data, and the list of them.
 *
 * The list has to be whole for a child of fork() whatever another thread of
 * the parent was doing: the mutex is free again in the child (see private.h),
 * and each change of the list is one store of a pointer, to a node that is
 * complete. A node is never in the list without its mapping, so the worst that
 * a child can find is a mapping without a node; never does it unmap an address
 * that belongs to something else by now.
 */
#include "private.h"

#include <stdlib.h>
#include <sys/mman.h>

/* What the kernel can map by one entry of a page table, if aligned to it. */
#define HUGE		((size_t)2 << 20)

/* How often other threads may be faster in taking an address. */
#define RETRIES		32

struct dmashm_mapping {
	struct dmashm_mapping *next;	/* guarded by self->mapping */
	void *addr;			/* constant */
};

static int map_anywhere(const struct dmashm_buffer *buf, int prot, void **addr)
{
	*addr = mmap(NULL, buf->size, prot, MAP_SHARED, buf->dmabuf_fd, 0);
	return *addr == MAP_FAILED ? -errno : 0;
}

/* An aligned address that was free a moment ago, or NULL. */
static void *find_aligned(size_t size)
{
	size_t room = size + HUGE;
	uintptr_t start;
	void *found;

	if (room < size)
		return NULL;
	found = mmap(NULL, room, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (found == MAP_FAILED)
		return NULL;
	munmap(found, room);
	start = ((uintptr_t)found + HUGE - 1) & ~(uintptr_t)(HUGE - 1);
	return (void *)start;
}

/*
 * Not MAP_FIXED over a reservation: where that fails in the driver, the
 * reservation may be gone already and another thread's mapping in its place,
 * and nobody could tell whether to unmap it. NOREPLACE never harms anybody;
 * another thread can only be faster, which shows as -EEXIST.
 */
static int map_aligned(const struct dmashm_buffer *buf, int prot, void **addr)
{
	int n;

	for (n = 0; n < RETRIES; n++) {
		void *want = find_aligned(buf->size);

		if (!want)
			return -ENOMEM;
		*addr = mmap(want, buf->size, prot,
			     MAP_SHARED | MAP_FIXED_NOREPLACE, buf->dmabuf_fd, 0);
		if (*addr != MAP_FAILED)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -ENOMEM;
}

static void list_add(struct dmashm_buffer *buf, struct dmashm_mapping *mapping)
{
	dmashm_mutex_lock(&dmashm_self(buf)->mapping);
	mapping->next = buf->mappings;
	/* Release, so that a fork() in another thread copies a whole node if
	 * it copies the pointer. */
	__atomic_store_n(&buf->mappings, mapping, __ATOMIC_RELEASE);
	dmashm_mutex_unlock(&dmashm_self(buf)->mapping);
}

/* Takes the node of an address out of the list; NULL if there is none. */
static struct dmashm_mapping *list_remove(struct dmashm_buffer *buf,
					  const void *addr)
{
	struct dmashm_mapping **link, *mapping;

	dmashm_mutex_lock(&dmashm_self(buf)->mapping);
	for (link = &buf->mappings; *link; link = &(*link)->next)
		if ((*link)->addr == addr)
			break;
	mapping = *link;
	if (mapping)
		__atomic_store_n(link, mapping->next, __ATOMIC_RELEASE);
	dmashm_mutex_unlock(&dmashm_self(buf)->mapping);
	return mapping;
}

int dmashm_map(struct dmashm_buffer *buf, int prot, void **addr)
{
	struct dmashm_mapping *mapping;
	int err;

	if (!addr || !prot || prot & ~(PROT_READ | PROT_WRITE))
		return -EINVAL;
	mapping = malloc(sizeof(*mapping));
	if (!mapping)
		return -ENOMEM;
	if (buf->size >= HUGE)
		err = map_aligned(buf, prot, &mapping->addr);
	else
		err = map_anywhere(buf, prot, &mapping->addr);
	if (err) {
		free(mapping);
		return err;
	}
	/* Before the list has it, from where another thread could free it. */
	*addr = mapping->addr;
	list_add(buf, mapping);
	return 0;
}

static void discard(const struct dmashm_buffer *buf,
		    struct dmashm_mapping *mapping)
{
	munmap(mapping->addr, buf->size);
	free(mapping);
}

int dmashm_unmap(struct dmashm_buffer *buf, void *addr)
{
	struct dmashm_mapping *mapping = list_remove(buf, addr);

	if (!mapping)
		return -EINVAL;
	discard(buf, mapping);
	return 0;
}

/* For dmashm_close(), which runs alone: no lock. */
void dmashm_unmap_all(struct dmashm_buffer *buf)
{
	while (buf->mappings) {
		struct dmashm_mapping *mapping = buf->mappings;

		buf->mappings = mapping->next;
		discard(buf, mapping);
	}
}
