/* SPDX-License-Identifier: MIT */
/*
 * What the library's files share. Nothing in here is exported.
 *
 * A handle has two parts. struct dmashm_buffer is ordinary memory: a child of
 * fork() finds it as its parent left it. struct dmashm_self is a page that the
 * kernel hands to a child zeroed (MADV_WIPEONFORK), and zero is its state of
 * "nobody here has joined, no lock is taken". So a child notices that it is
 * one by looking at the member id that locking needs anyway, and whatever
 * another thread of the parent was in the middle of at fork() leaves no lock
 * taken and no pointer into mappings that the child does not have.
 */
#ifndef DMASHM_PRIVATE_H
#define DMASHM_PRIVATE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/dmashm.h>

/* The rest is compiled with -fvisibility=hidden: what the header declares is
 * what the shared library exports. */
#pragma GCC visibility push(default)
#include <dmashm.h>
#pragma GCC visibility pop

/* A mutex whose unlocked state is zero, so that it can live in a wiped page. */
struct dmashm_mutex {
	uint32_t state;		/* atomic: 0 free, 1 taken, 2 taken and wanted */
};

/* What belongs to this process alone; one page, wiped in a child of fork(). */
struct dmashm_self {
	/*
	 * DMASHM_HELD(id), or 0 before this process has joined. Stored once,
	 * with release, under @joining; loaded with acquire by dmashm_held(),
	 * and whoever read a value other than 0 may read the three behind it.
	 * Always 0 in a view, for there is no such lock to take.
	 */
	uint32_t held;
	uint32_t *words;			/* constant once @facts is set */
	uint32_t *slot;				/* constant once @facts is set */
	/*
	 * NULL before this process has joined. Stored with release before
	 * @held; a view looks at this one, with acquire: dmashm_joined().
	 */
	const struct dmashm_facts *facts;
	/*
	 * @slot again, or NULL until this process has said in READERS that it
	 * is to be looked at. Stored with release, loaded with acquire.
	 */
	uint32_t *reader;

	/* On a line of its own: what changes. */
	struct dmashm_mutex joining __attribute__((aligned(64)));
	struct dmashm_mutex mapping;	/* guards dmashm_buffer.mappings */
	uint32_t spins;			/* relaxed: an estimate, see spin.c */
	uint32_t cpus;			/* relaxed: 0 not asked yet, 1, 2 several */
};

struct dmashm_mapping;

/* All but @mappings is constant from creation to dmashm_close(). */
struct dmashm_buffer {
	size_t size;
	int dmabuf_fd;
	int member_fd;		/* the number stays when a child joins */
	bool view;		/* may only read: the kernel takes the barrier */
	struct dmashm_mapping *mappings;	/* guarded by self->mapping */
};

/*
 * Both parts are one mapping, this far apart, which is a multiple of every page
 * size: no pointer has to be fetched to get from one to the other.
 */
#define DMASHM_SELF_AT	65536

static inline struct dmashm_self *dmashm_self(const struct dmashm_buffer *buf)
{
	return (struct dmashm_self *)((uintptr_t)buf + DMASHM_SELF_AT);
}

/* A membership while it is being made. */
struct dmashm_member {
	int fd;
	uint32_t id;
	uint32_t slot;
	uint32_t *words;
	const struct dmashm_facts *facts;
};

/* ioctl.c */
int dmashm_ioctl(int fd, unsigned long command, void *argument);
int dmashm_ioctl_once(int fd, unsigned long command, void *argument);

/* clock.c */
bool dmashm_passed(uint64_t deadline);

/* mutex.c */
void dmashm_mutex_lock(struct dmashm_mutex *mutex);
void dmashm_mutex_unlock(struct dmashm_mutex *mutex);

/* member.c */
int dmashm_handle_new(struct dmashm_buffer **out);
void dmashm_handle_free(struct dmashm_buffer *buf);
int dmashm_member_check(int fd);
int dmashm_member_open(int through, int dmabuf_fd, struct dmashm_member *out);
void dmashm_member_publish(struct dmashm_self *self,
			   const struct dmashm_member *member);
int dmashm_enter_slowly(struct dmashm_buffer *buf);
int dmashm_enter_to_read_slowly(struct dmashm_buffer *buf);
void dmashm_leave(struct dmashm_buffer *buf);

/* buffer.c */
int dmashm_buffer_new(int dmabuf_fd, int through, struct dmashm_buffer **out);

/* barrier.c */
int dmashm_lock_in_kernel(struct dmashm_buffer *buf, uint32_t flags,
			  uint64_t deadline);
int dmashm_unlock_in_kernel(const struct dmashm_buffer *buf, uint32_t flags);
bool dmashm_holds(const struct dmashm_buffer *buf);
void dmashm_forsake(struct dmashm_buffer *buf);

/* reader.c */
uint32_t dmashm_slot_number(const struct dmashm_buffer *buf);
void dmashm_be_looked_at(struct dmashm_buffer *buf);
bool dmashm_readers(const uint32_t *words, uint64_t *out);
bool dmashm_reads(const struct dmashm_buffer *buf);
void dmashm_forsake_shared(struct dmashm_buffer *buf);

/* spin.c */
uint32_t dmashm_spin_budget(const struct dmashm_buffer *buf);
void dmashm_spin_learn(struct dmashm_buffer *buf, uint32_t spins, bool paid);

/* mapping.c */
void dmashm_unmap_all(struct dmashm_buffer *buf);

/* event.c */
int dmashm_wait_word(const struct dmashm_buffer *buf, struct dmashm_wait *arg);
int dmashm_wake_word(const struct dmashm_buffer *buf, uint32_t offset,
		     uint32_t count);

/* Kept out of line: inlined, it would have the fast path save registers. */
#define SLOW_PATH	__attribute__((noinline, cold))

/* Who this process is in the barrier; 0 if it has not joined. */
static inline uint32_t dmashm_held(const struct dmashm_buffer *buf)
{
	/* Pairs with the release in dmashm_member_publish(). */
	return __atomic_load_n(&dmashm_self(buf)->held, __ATOMIC_ACQUIRE);
}

/* Does this process take part, be it to read? */
static inline bool dmashm_joined(const struct dmashm_buffer *buf)
{
	/* Pairs with the release in dmashm_member_publish(). */
	return __atomic_load_n(&dmashm_self(buf)->facts, __ATOMIC_ACQUIRE);
}

/* To be called before anything that an own member or a view can do. */
static inline int dmashm_enter_to_read(struct dmashm_buffer *buf)
{
	return dmashm_joined(buf) ? 0 : dmashm_enter_to_read_slowly(buf);
}

/* To be called before anything else that needs the words; -EACCES in a view. */
static inline int dmashm_enter(struct dmashm_buffer *buf)
{
	return dmashm_held(buf) ? 0 : dmashm_enter_slowly(buf);
}

/* The word at an offset of the page; only after dmashm_joined(). */
static inline uint32_t *dmashm_word(const struct dmashm_buffer *buf,
				    uint32_t offset)
{
	return dmashm_self(buf)->words + offset / sizeof(uint32_t);
}

/* How many devices have come so far. Acquire, as dmashm_attached(). */
static inline uint32_t dmashm_arrivals(const struct dmashm_buffer *buf)
{
	return __atomic_load_n(&dmashm_self(buf)->facts->arrivals, __ATOMIC_ACQUIRE);
}

/* Acquire: see must_sync() in bracket.c for what it pairs with. */
static inline bool dmashm_attached(const struct dmashm_buffer *buf)
{
	return __atomic_load_n(&dmashm_self(buf)->facts->attachments, __ATOMIC_ACQUIRE);
}

/* The bits of READERS that stand for slots; the map may say anything. */
#define DMASHM_SLOT_BITS	((UINT64_C(1) << DMASHM_CAPACITY) - 1)

/*
 * X2: whom does READERS name? Bit n stands for slot n. Two words of one line; at
 * one look where the machine has it.
 */
static inline uint64_t dmashm_readers_map(const uint32_t *words)
{
	const uint32_t *map = words + DMASHM_OFF_READERS / sizeof(*words);

#if __SIZEOF_POINTER__ == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	typedef uint64_t __attribute__((may_alias)) both;

	return __atomic_load_n((const both *)(const void *)map, __ATOMIC_SEQ_CST);
#else
	return __atomic_load_n(&map[0], __ATOMIC_SEQ_CST) |
	       (uint64_t)__atomic_load_n(&map[1], __ATOMIC_SEQ_CST) << 32;
#endif
}

/* DMASHM_READERS_KERNEL in that. */
static inline bool dmashm_kernel_reads(uint64_t map)
{
	return map >> 63;
}

/* Nobody holds the barrier's word, and it is promised to nobody either. */
static inline bool dmashm_is_open(uint32_t word)
{
	return !(word & (DMASHM_KIND_MASK | DMASHM_TURN));
}

/* What locking says once it has the barrier. */
static inline int dmashm_locked(uint32_t word)
{
	return word & DMASHM_DIED ? -EOWNERDEAD : 0;
}

static inline void dmashm_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#endif /* DMASHM_PRIVATE_H */
