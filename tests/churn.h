/* SPDX-License-Identifier: MIT */
/*
 * A worker that does at random what processes do with buffers, and what it counts.
 * Everything it has it may pass on, and it may die at any time.
 */
#ifndef TESTS_CHURN_H
#define TESTS_CHURN_H

#include "uapi.h"

enum churn_act {
	CHURN_CREATE, CHURN_DROP, CHURN_JOIN, CHURN_EXPORT, CHURN_SEND, CHURN_RECEIVE,
	CHURN_MAP, CHURN_UNMAP, CHURN_LOCK, CHURN_LOCK_BY_HAND, CHURN_SHARE, CHURN_WAIT,
	CHURN_MOVE, CHURN_SYNC, CHURN_ATTACH, CHURN_DETACH, CHURN_FORK, CHURN_DIE,
	CHURN_ACTS
};

static const char *const churn_names[CHURN_ACTS] = {
	"create", "drop", "join", "export", "send", "receive",
	"map", "unmap", "lock", "lock by hand", "share", "wait",
	"move", "sync", "attach", "detach", "fork", "die",
};

#define CHURN_PLACES	6	/* buffers that a worker has at a time */
#define CHURN_SOCKETS	4	/* between all workers */

/* Shared by all. */
struct churn_counts {
	uint64_t done[CHURN_ACTS];
	uint64_t refused[CHURN_ACTS];
	uint64_t died_inside;	/* holding a lock */
	uint64_t found_dead;	/* locks that such a one left */
};

struct churn_place {
	int dmabuf, member, importer;	/* -1: none */
	uint32_t id;
	uint8_t *data;			/* or NULL */
	uint32_t *words;		/* or NULL */
	size_t size;
};

struct churn {
	struct churn_place places[CHURN_PLACES];
	struct churn_counts *counts;
	int (*sockets)[2];
	uint64_t random;
	int device;
};

static inline uint32_t churn_random(struct churn *churn, uint32_t below)
{
	/* xorshift64*: the same for the same seed, everywhere. */
	churn->random ^= churn->random >> 12;
	churn->random ^= churn->random << 25;
	churn->random ^= churn->random >> 27;
	return (uint32_t)((churn->random * 0x2545f4914f6cdd1dull) >> 33) % below;
}

static inline void churn_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void churn_unmap(struct churn_place *place)
{
	if (place->data)
		munmap(place->data, place->size);
	if (place->words)
		munmap(place->words, page_size());
	place->data = NULL;
	place->words = NULL;
}

static inline void churn_drop(struct churn_place *place)
{
	churn_unmap(place);
	churn_close(&place->dmabuf);
	churn_close(&place->member);
	churn_close(&place->importer);
}

static inline bool churn_create(struct churn *churn, struct churn_place *place)
{
	struct dmashm_create arg = {
		.size = (1 + churn_random(churn, 64)) * page_size(),
		.flags = churn_random(churn, 8) ? 0 : DMASHM_CREATE_CONTIGUOUS,
		.name = "churn",
	};

	if (!churn_random(churn, 16))
		arg.size = 2 * MIB;
	churn_drop(place);
	if (ioctl(churn->device, DMASHM_IOC_CREATE, &arg))
		return false;
	place->dmabuf = arg.fd;
	place->size = arg.size;
	return true;
}

static inline bool churn_join(struct churn *churn, struct churn_place *place)
{
	struct dmashm_join arg = { .dmabuf_fd = place->dmabuf };
	/* As who made it, or as who was handed it. */
	int from = place->member >= 0 ? place->member : churn->device;

	if (ioctl(from, DMASHM_IOC_JOIN, &arg))
		return false;
	churn_close(&place->member);
	place->member = arg.fd;
	place->id = arg.id;
	return true;
}

static inline bool churn_export(struct churn *churn, struct churn_place *place)
{
	struct dmashm_export arg = {
		.dmabuf_fd = place->dmabuf,
		.flags = churn_random(churn, 2) ? O_RDWR : O_RDONLY,
	};

	if (ioctl(churn->device, DMASHM_IOC_EXPORT, &arg))
		return false;
	churn_close(&place->dmabuf);
	place->dmabuf = arg.fd;
	return true;
}

static inline bool churn_send(struct churn *churn, struct churn_place *place)
{
	struct fd_message message;
	struct msghdr *header = fd_message(&message);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
	int fds[2] = { place->dmabuf, place->member };

	if (place->dmabuf < 0 || place->member < 0)
		return false;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	return sendmsg(churn->sockets[churn_random(churn, CHURN_SOCKETS)][0], header,
		       MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

static inline bool churn_receive(struct churn *churn, struct churn_place *place)
{
	struct fd_message message;
	struct msghdr *header = fd_message(&message);
	struct dmashm_info info = { .dmabuf_fd = -1 };
	int fds[2];

	if (recvmsg(churn->sockets[churn_random(churn, CHURN_SOCKETS)][1], header,
		    MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1)
		return false;
	ASSERT(CMSG_FIRSTHDR(header));
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(header)), sizeof(fds));
	churn_drop(place);
	place->dmabuf = fds[0];
	place->member = fds[1];
	ASSERT_EQ(ioctl(place->member, DMASHM_IOC_INFO, &info), 0);
	place->size = info.size;
	return true;
}

static inline bool churn_map(struct churn_place *place)
{
	void *map;

	churn_unmap(place);
	map = mmap(NULL, place->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   place->dmabuf, 0);
	if (map != MAP_FAILED)
		memset(place->data = map, 0x5a, place->size);
	map = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
		   place->member, (off_t)page_size());
	if (map != MAP_FAILED)
		place->words = map;
	return place->data || place->words;
}

/* After a lock: perhaps die with it. */
static inline void churn_inside(struct churn *churn)
{
	if (churn_random(churn, 64))
		return;
	__atomic_add_fetch(&churn->counts->died_inside, 1, __ATOMIC_RELAXED);
	raise(SIGKILL);
}

static inline bool churn_lock(struct churn *churn, struct churn_place *place)
{
	int ret = lock_until(place->member, in_ms(20));

	if (ret && errno != EOWNERDEAD)
		return false;
	churn_inside(churn);
	if (ret) {
		__atomic_add_fetch(&churn->counts->found_dead, 1, __ATOMIC_RELAXED);
		recover(place->member);
	}
	if (place->data)
		place->data[0]++;
	unlock(place->member);
	return true;
}

/* As the library does, but sloppily. */
static inline bool churn_lock_by_hand(struct churn *churn, struct churn_place *place)
{
	uint32_t free_word = 0, held = DMASHM_HELD(place->id);

	if (!place->words || !place->id ||
	    !__atomic_compare_exchange_n(place->words, &free_word, held, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	churn_inside(churn);
	if (!__atomic_compare_exchange_n(place->words, &held, 0, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		unlock(place->member);
	return true;
}

static inline bool churn_share(struct churn *churn, struct churn_place *place)
{
	int ret = lock_shared_until(place->member, in_ms(20));

	if (ret && errno != EOWNERDEAD)
		return false;
	churn_inside(churn);
	unlock_shared(place->member);
	return true;
}

/* Until somebody wakes, or for a moment; or wake all, once the word is another. */
static inline bool churn_wait(struct churn *churn, struct churn_place *place)
{
	if (churn_random(churn, 2) || !place->words)
		return !wait_word(place->member, DMASHM_OFF_EVENT(0), 0, in_ms(5));
	__atomic_add_fetch(&place->words[DMASHM_OFF_EVENT(0) / 4], 1, __ATOMIC_SEQ_CST);
	return wake_word(place->member, DMASHM_OFF_EVENT(0), 100) >= 0;
}

static inline bool churn_move(struct churn *churn, struct churn_place *place)
{
	char bytes[5000] = "asdf";

	/* The barrier may be a dead man's; no matter. */
	if (churn_random(churn, 2))
		return pwrite(place->member, bytes, sizeof(bytes), 0) > 0;
	return pread(place->member, bytes, sizeof(bytes), 0) > 0;
}

static inline bool churn_sync(struct churn *churn, struct churn_place *place)
{
	uint64_t what = churn_random(churn, 2) ? DMA_BUF_SYNC_READ : DMA_BUF_SYNC_RW;

	if (sync_data(place->dmabuf, DMA_BUF_SYNC_START | what))
		return false;
	return !sync_data(place->dmabuf, DMA_BUF_SYNC_END | what);
}

static inline bool churn_attach(struct churn *churn, struct churn_place *place)
{
	uint32_t direction = churn_random(churn, 3);

	churn_close(&place->importer);
	place->importer = open(IMPORTER_DEVICE, O_RDWR | O_CLOEXEC);
	if (place->importer < 0)
		return false;
	if (!ioctl(place->importer, IMPORTER_IOC_OPEN, &place->dmabuf))
		return !ioctl(place->importer, IMPORTER_IOC_MAP, &direction);
	churn_close(&place->importer);
	return false;
}

/* A child that has all that its parent has, joins for itself, and goes. */
static inline bool churn_fork(struct churn *churn, struct churn_place *place)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return false;
	if (!pid) {
		churn_join(churn, place);
		lock_until(place->member, in_ms(5));
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

static inline bool churn_act(struct churn *churn, enum churn_act act)
{
	struct churn_place *place = &churn->places[churn_random(churn, CHURN_PLACES)];

	switch (act) {
	case CHURN_CREATE: return churn_create(churn, place);
	case CHURN_DROP: churn_drop(place); return true;
	case CHURN_JOIN: return churn_join(churn, place);
	case CHURN_EXPORT: return churn_export(churn, place);
	case CHURN_SEND: return churn_send(churn, place);
	case CHURN_RECEIVE: return churn_receive(churn, place);
	case CHURN_MAP: return churn_map(place);
	case CHURN_UNMAP: churn_unmap(place); return true;
	case CHURN_LOCK: return churn_lock(churn, place);
	case CHURN_LOCK_BY_HAND: return churn_lock_by_hand(churn, place);
	case CHURN_SHARE: return churn_share(churn, place);
	case CHURN_WAIT: return churn_wait(churn, place);
	case CHURN_MOVE: return churn_move(churn, place);
	case CHURN_SYNC: return churn_sync(churn, place);
	case CHURN_ATTACH: return churn_attach(churn, place);
	case CHURN_DETACH: churn_close(&place->importer); return true;
	case CHURN_FORK: return churn_fork(churn, place);
	default: raise(SIGKILL); return false;
	}
}

/* How often each is drawn; death is rare. */
static inline enum churn_act churn_draw(struct churn *churn)
{
	static const uint8_t often[CHURN_ACTS] = {
		[CHURN_DROP] = 4, [CHURN_FORK] = 2, [CHURN_DIE] = 1,
	};
	enum churn_act act;

	for (;;) {
		act = churn_random(churn, CHURN_ACTS);
		if (!often[act] || churn_random(churn, 16) < often[act])
			return act;
	}
}

/* Until the deadline, or death. */
static inline void churn_work(struct churn *churn, uint64_t deadline)
{
	size_t i;

	for (i = 0; i < CHURN_PLACES; i++)
		churn->places[i] = (struct churn_place){ -1, -1, -1, 0, NULL, NULL, 0 };
	while (now_ns() < deadline) {
		enum churn_act act = churn_draw(churn);
		uint64_t *done = churn->counts->done, *refused = churn->counts->refused;

		if (act == CHURN_DIE)
			__atomic_add_fetch(&done[act], 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(churn_act(churn, act) ? &done[act] : &refused[act], 1,
				   __ATOMIC_RELAXED);
	}
}

#endif /* TESTS_CHURN_H */
