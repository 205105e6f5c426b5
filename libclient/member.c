// SPDX-License-Identifier: MIT
/* Joining a buffer, the control pages that come with it, and fork(). */
#include "private.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/*
 * A handle is a mapping, where the search for leaks of a program's sanitizer does
 * not look for pointers: without a word about it, all that hangs on a handle which
 * is open at the program's end would count as leaked. Null where there is no
 * sanitizer.
 */
extern void __lsan_register_root_region(const void *at, size_t size)
	__attribute__((weak));
extern void __lsan_unregister_root_region(const void *at, size_t size)
	__attribute__((weak));

int dmashm_handle_new(struct dmashm_buffer **out)
{
	size_t size = DMASHM_SELF_AT + page_size();
	void *handle;
	int err;

	handle = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (handle == MAP_FAILED)
		return -errno;
	if (madvise(dmashm_self(handle), page_size(), MADV_WIPEONFORK) < 0) {
		err = -errno;
		munmap(handle, size);
		return err;
	}
	if (__lsan_register_root_region)
		__lsan_register_root_region(handle, sizeof(struct dmashm_buffer));
	*out = handle;
	return 0;
}

void dmashm_handle_free(struct dmashm_buffer *buf)
{
	if (__lsan_unregister_root_region)
		__lsan_unregister_root_region(buf, sizeof(*buf));
	munmap(buf, DMASHM_SELF_AT + page_size());
}

/*
 * Can this fd be a member at all? The fd may come from somebody hostile, and a
 * file on his own FUSE would answer JOIN with whatever fd number he likes: one
 * of ours, to be taken for a member and closed. Members are anonymous inodes,
 * which have no file type; no file system can serve such a one. DONT_SYNC:
 * nobody else is asked, so nobody can keep us waiting.
 */
int dmashm_member_check(int fd)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
		return -errno;
	return st.stx_mode & S_IFMT ? -ENOTTY : 0;
}

static void *map_page(int fd, int prot, size_t offset)
{
	return mmap(NULL, page_size(), prot, MAP_SHARED, fd, (off_t)offset);
}

static void unmap_page(const void *page)
{
	munmap((void *)(uintptr_t)page, page_size());
}

static int map_facts(struct dmashm_member *member)
{
	void *page = map_page(member->fd, PROT_READ, 0);

	if (page == MAP_FAILED)
		return -errno;
	member->facts = page;
	if (member->facts->magic == DMASHM_MAGIC &&
	    member->facts->abi == DMASHM_ABI)
		return 0;
	unmap_page(page);
	return -EPROTO;
}

static int map_words(struct dmashm_member *member)
{
	int prot = member->id ? PROT_READ | PROT_WRITE : PROT_READ;
	void *page = map_page(member->fd, prot, page_size());

	if (page == MAP_FAILED)
		return -errno;
	member->words = page;
	return 0;
}

static int join(int through, int dmabuf_fd, struct dmashm_member *out)
{
	struct dmashm_join arg = { .dmabuf_fd = dmabuf_fd, .fd = -1 };
	int err;

	err = dmashm_ioctl(through, DMASHM_IOC_JOIN, &arg);
	if (err)
		return err < 0 ? err : -EPROTO;
	if (arg.fd < 0)
		return -EPROTO;
	out->fd = arg.fd;
	out->id = arg.id;
	out->slot = arg.slot;
	return 0;
}

/* A viewer has neither id nor slot. */
static bool is_sane(const struct dmashm_member *member)
{
	if (!member->id)
		return member->slot == DMASHM_NO_SLOT;
	return member->id <= DMASHM_ID_MAX && member->slot < DMASHM_CAPACITY;
}

/**
 * dmashm_member_open() - join and map the control pages
 * @through:   the device or a member fd
 * @dmabuf_fd: as in struct dmashm_join
 * @out:       the membership
 */
int dmashm_member_open(int through, int dmabuf_fd, struct dmashm_member *out)
{
	int err;

	err = join(through, dmabuf_fd, out);
	if (err)
		return err;
	err = -EPROTO;
	if (!is_sane(out))
		goto err_fd;
	err = map_facts(out);
	if (err)
		goto err_fd;
	err = map_words(out);
	if (err)
		goto err_facts;
	return 0;

err_facts:
	unmap_page(out->facts);
err_fd:
	close(out->fd);
	return err;
}

static void member_close(struct dmashm_member *member)
{
	unmap_page(member->words);
	unmap_page(member->facts);
	close(member->fd);
}

void dmashm_member_publish(struct dmashm_self *self,
			   const struct dmashm_member *member)
{
	self->words = member->words;
	if (member->id)
		self->slot = member->words +
			     DMASHM_OFF_SLOT(member->slot) / sizeof(uint32_t);
	/* Pairs with the acquire in dmashm_joined(): who sees the facts may use
	 * the words. */
	__atomic_store_n(&self->facts, member->facts, __ATOMIC_RELEASE);
	/* The same with the acquire in dmashm_held(). */
	if (member->id)
		__atomic_store_n(&self->held, DMASHM_HELD(member->id),
				 __ATOMIC_RELEASE);
}

/*
 * The child of a fork() joins through the member fd that it inherited, then
 * puts its own member in that fd's place. The number stays, so that no other
 * thread (nor a program that remembers dmashm_member_fd()) ever holds a number
 * that was closed under it. A fork() by another thread between the two leaves
 * one fd too many in the grandchild, which is all that can go wrong there.
 */
static int rejoin(struct dmashm_buffer *buf)
{
	struct dmashm_member member = { .fd = -1 };
	int err;

	err = dmashm_member_open(buf->member_fd, -1, &member);
	if (err)
		return err;
	if (buf->view != !member.id) {
		member_close(&member);
		return -EPROTO;
	}
	if (dup3(member.fd, buf->member_fd, O_CLOEXEC) < 0) {
		err = -errno;
		member_close(&member);
		return err;
	}
	close(member.fd);
	dmashm_member_publish(dmashm_self(buf), &member);
	return 0;
}

/* Where dmashm_enter() ends in a child of fork(), and in a view. */
int dmashm_enter_slowly(struct dmashm_buffer *buf)
{
	return buf->view ? -EACCES : dmashm_enter_to_read_slowly(buf);
}

/* Where dmashm_enter_to_read() ends in a child of fork(). */
int dmashm_enter_to_read_slowly(struct dmashm_buffer *buf)
{
	int err = 0;

	dmashm_mutex_lock(&dmashm_self(buf)->joining);
	if (!dmashm_joined(buf))
		err = rejoin(buf);
	dmashm_mutex_unlock(&dmashm_self(buf)->joining);
	return err;
}

/* The control pages go; a child that never joined has none. */
void dmashm_leave(struct dmashm_buffer *buf)
{
	if (!dmashm_joined(buf))
		return;
	dmashm_forsake(buf);
	dmashm_forsake_shared(buf);
	unmap_page(dmashm_self(buf)->words);
	unmap_page(dmashm_self(buf)->facts);
}
