/* SPDX-License-Identifier: MIT */
/*
 * The frames that all share. Whoever comes first makes them, and everyone hands
 * them to who comes later, over a Unix socket in the directory: so they live
 * while anybody does, and nobody is needed all the time.
 *
 * Who has something for another rings that one's bell: an event word of the
 * first frame's buffer, on which it sleeps by poll(2).
 */
#ifndef POOL_H
#define POOL_H

#include <poll.h>

#include "frame.h"
#include "role.h"

#define POOL_FRAMES	6

struct pool {
	struct frame frames[POOL_FRAMES];
	enum role role;
	const char *directory;
	int roles[ROLES];		/* files to ask who has them */
	int listener;			/* -1: hands out nothing */
	uint32_t seen;			/* the own bell, as pool_look() found it */
	uint32_t departures;		/* the same of those who left */
};

/* Says why and exits if that is not possible. @prot as for dmashm_map(), or
 * PROT_NONE: no pixels. */
void pool_join(struct pool *pool, const char *directory, enum role role, int prot);

/* The process that has a role, 0 if there is none. */
pid_t pool_who(const struct pool *pool, enum role role);

/* What happens after this call ends pool_sleep(): look first, then for work. */
void pool_look(struct pool *pool);

/*
 * Until the bell rings, a member leaves, @also is ready (it may be NULL), a
 * signal comes or @ms have passed. Hands the frames to who asks meanwhile.
 */
void pool_sleep(struct pool *pool, struct pollfd *also, int ms);

void pool_ring(struct pool *pool, enum role role);

/* The number of the last frame that a role was done with. */
uint32_t pool_count(const struct pool *pool, enum role role);
void pool_set_count(struct pool *pool, uint32_t number);

/* The oldest frame in a state, but those in @except (bit: index); or NULL. */
struct frame *pool_oldest(struct pool *pool, enum frame_state state,
			  unsigned int except);

#endif /* POOL_H */
