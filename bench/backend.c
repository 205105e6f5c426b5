// SPDX-License-Identifier: MIT
#include "backend.h"

#include <errno.h>
#include <linux/dma-buf.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "crew.h"
#include "die.h"
#include "futex.h"
#include "handle.h"
#include "static.h"

/* Far enough from each other for any prefetcher. */
#define APART	__attribute__((aligned(256)))

static struct peers {
	pthread_mutex_t robust APART;
	pthread_mutex_t plain APART;
	pthread_rwlock_t rwlock APART;
	uint32_t futex APART;
	struct {
		uint32_t futex APART;
	} own[CREW_MAX];
} *peers;

/* Which of those is this process's. */
static unsigned int self;

static struct dmashm_buffer *buffer;

static inline int lock_futex(uint32_t *word)
{
	futex_lock(word);
	return 0;
}

static inline int unlock_futex(uint32_t *word)
{
	futex_unlock(word);
	return 0;
}

static inline int begin_write(struct dmashm_buffer *buf)
{
	return dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER);
}

static inline int end_write(struct dmashm_buffer *buf)
{
	return dmashm_end(buf, DMASHM_WRITE);
}

static inline int begin_read(struct dmashm_buffer *buf)
{
	return dmashm_begin(buf, DMASHM_READ, DMASHM_NEVER);
}

static inline int end_read(struct dmashm_buffer *buf)
{
	return dmashm_end(buf, DMASHM_READ);
}

static inline int begin_write_sync(struct dmashm_buffer *buf)
{
	return dmashm_begin(buf, DMASHM_WRITE | DMASHM_SYNC, DMASHM_NEVER);
}

static inline int end_write_sync(struct dmashm_buffer *buf)
{
	return dmashm_end(buf, DMASHM_WRITE | DMASHM_SYNC);
}

static inline int begin_read_sync(struct dmashm_buffer *buf)
{
	return dmashm_begin(buf, DMASHM_READ | DMASHM_SYNC, DMASHM_NEVER);
}

static inline int end_read_sync(struct dmashm_buffer *buf)
{
	return dmashm_end(buf, DMASHM_READ | DMASHM_SYNC);
}

static int sync_ioctl(int fd, uint64_t flags)
{
	struct dma_buf_sync arg = { .flags = flags };

	return ioctl(fd, DMA_BUF_IOCTL_SYNC, &arg) ? -errno : 0;
}

static inline int start_write(struct dmashm_buffer *buf)
{
	return sync_ioctl(dmashm_fd(buf), DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
}

static inline int stop_write(struct dmashm_buffer *buf)
{
	return sync_ioctl(dmashm_fd(buf), DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
}

static inline int start_read(struct dmashm_buffer *buf)
{
	return sync_ioctl(dmashm_fd(buf), DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
}

static inline int stop_read(struct dmashm_buffer *buf)
{
	return sync_ioctl(dmashm_fd(buf), DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
}

/* What users of other exporters write. */
static inline int lock_and_start_write(struct dmashm_buffer *buf)
{
	int err = pthread_mutex_lock(&peers->robust);

	return err ? err : start_write(buf);
}

static inline int stop_write_and_unlock(struct dmashm_buffer *buf)
{
	int err = stop_write(buf);

	return err ? err : pthread_mutex_unlock(&peers->robust);
}

static inline int lock_and_start_read(struct dmashm_buffer *buf)
{
	int err = pthread_rwlock_rdlock(&peers->rwlock);

	return err ? err : start_read(buf);
}

static inline int stop_read_and_unlock(struct dmashm_buffer *buf)
{
	int err = stop_read(buf);

	return err ? err : pthread_rwlock_unlock(&peers->rwlock);
}

/* Results are not looked at in the loop: main() has tried each call before. */
#define BACKEND(id, object, enter, leave)			\
static int enter_##id(void) { return enter(object); }		\
static int leave_##id(void) { return leave(object); }		\
static void loop_##id(unsigned long n)				\
{								\
	__typeof__(object) it = object;				\
								\
	for (; n; n--) {					\
		enter(it);					\
		leave(it);					\
	}							\
}

BACKEND(dmashm, buffer, dmashm_lock, dmashm_unlock)
BACKEND(statically, buffer, static_dmashm_lock, static_dmashm_unlock)
BACKEND(robust, &peers->robust, pthread_mutex_lock, pthread_mutex_unlock)
BACKEND(plain, &peers->plain, pthread_mutex_lock, pthread_mutex_unlock)
BACKEND(futex, &peers->futex, lock_futex, unlock_futex)
BACKEND(write, &peers->rwlock, pthread_rwlock_wrlock, pthread_rwlock_unlock)

BACKEND(shared, buffer, dmashm_lock_shared, dmashm_unlock_shared)
BACKEND(shared_statically, buffer, static_dmashm_lock_shared,
	static_dmashm_unlock_shared)
BACKEND(own, &peers->own[self].futex, lock_futex, unlock_futex)
BACKEND(read, &peers->rwlock, pthread_rwlock_rdlock, pthread_rwlock_unlock)

BACKEND(bracket_write, buffer, begin_write, end_write)
BACKEND(bracket_read, buffer, begin_read, end_read)
BACKEND(bracket_write_sync, buffer, begin_write_sync, end_write_sync)
BACKEND(bracket_read_sync, buffer, begin_read_sync, end_read_sync)
BACKEND(sync_write, buffer, start_write, stop_write)
BACKEND(sync_read, buffer, start_read, stop_read)
BACKEND(robust_sync_write, buffer, lock_and_start_write, stop_write_and_unlock)
BACKEND(rwlock_sync_read, buffer, lock_and_start_read, stop_read_and_unlock)

#define ROW(operation, role, name, id) \
	{ operation, role, name, false, enter_##id, leave_##id, loop_##id }
#define SHARED_ROW(operation, role, name, id) \
	{ operation, role, name, true, enter_##id, leave_##id, loop_##id }

const struct backend backends[] = {
	ROW(EXCLUSIVE, OURS, "dmashm", dmashm),
	ROW(EXCLUSIVE, STATIC, "dmashm, static library", statically),
	ROW(EXCLUSIVE, PEER, "pthread mutex, robust", robust),
	ROW(EXCLUSIVE, PEER, "pthread mutex", plain),
	ROW(EXCLUSIVE, PEER, "bare futex mutex", futex),
	ROW(EXCLUSIVE, PEER, "pthread rwlock, writing", write),
	ROW(EXCLUSIVE, CONTROL, "pthread mutex, robust, again", robust),
	SHARED_ROW(SHARED, OURS, "dmashm", shared),
	SHARED_ROW(SHARED, STATIC, "dmashm, static library", shared_statically),
	ROW(SHARED, PEER, "pthread mutex, robust", robust),
	ROW(SHARED, PEER, "pthread mutex", plain),
	ROW(SHARED, PEER, "bare futex mutex", futex),
	/* Shares nothing: what the machine does when others are busy. */
	SHARED_ROW(SHARED, CONTROL, "bare futex mutex of one's own", own),
	SHARED_ROW(SHARED, PEER, "pthread rwlock, reading", read),
	SHARED_ROW(SHARED, CONTROL, "pthread rwlock, reading, again", read),

	ROW(BRACKET_WRITE, OURS, "dmashm", bracket_write),
	ROW(BRACKET_WRITE, OURS, "dmashm, DMASHM_SYNC", bracket_write_sync),
	ROW(BRACKET_WRITE, PEER, "two SYNC ioctls", sync_write),
	ROW(BRACKET_WRITE, PEER, "robust mutex, two SYNC ioctls", robust_sync_write),
	ROW(BRACKET_WRITE, CONTROL, "two SYNC ioctls, again", sync_write),

	ROW(BRACKET_READ, OURS, "dmashm", bracket_read),
	ROW(BRACKET_READ, OURS, "dmashm, DMASHM_SYNC", bracket_read_sync),
	ROW(BRACKET_READ, PEER, "two SYNC ioctls", sync_read),
	ROW(BRACKET_READ, PEER, "rwlock, two SYNC ioctls", rwlock_sync_read),
	ROW(BRACKET_READ, CONTROL, "two SYNC ioctls, again", sync_read),
	{ 0 }
};

const char *operation_name(enum operation operation)
{
	static const char *const names[] = {
		[EXCLUSIVE] = "exclusive lock+unlock",
		[SHARED] = "shared lock+unlock",
		[BRACKET_WRITE] = "begin+end to write, no device",
		[BRACKET_READ] = "begin+end to read, no device",
	};

	return names[operation];
}

void empty_loop(unsigned long n)
{
	/* Two rounds must not become one. */
	for (; n; n--)
		__asm__ volatile("" : "+r"(n));
}

static void init_mutex(pthread_mutex_t *mutex, int robust)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, robust);
	if (pthread_mutex_init(mutex, &attr))
		die("pthread_mutex_init failed");
	pthread_mutexattr_destroy(&attr);
}

static void init_rwlock(pthread_rwlock_t *rwlock)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (pthread_rwlock_init(rwlock, &attr))
		die("pthread_rwlock_init failed");
	pthread_rwlockattr_destroy(&attr);
}

void backends_open(void)
{
	peers = mmap(NULL, sizeof(*peers), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (peers == MAP_FAILED)
		die("no memory");
	init_mutex(&peers->robust, PTHREAD_MUTEX_ROBUST);
	init_mutex(&peers->plain, PTHREAD_MUTEX_STALLED);
	init_rwlock(&peers->rwlock);
	buffer = handle_new();
}

void backends_close(void)
{
	munmap(peers, sizeof(*peers));
	handle_free(buffer);
}

void backends_inherit(unsigned int n)
{
	self = n;
	handle_inherit(buffer, n);
}
