// SPDX-License-Identifier: MIT
/*
 * Many processes that create, pass, map, attach, lock and die at random, while
 * somebody tries to unload the module. In the end nothing is left of it.
 *
 * DMASHM_CHURN_SECONDS says for how long (8), DMASHM_SEED which random.
 */
#include <sys/syscall.h>

#include "churn.h"
#include "memory.h"
#include "remains.h"

#define WORKERS		8
#define SECONDS		8

struct crowd {
	struct churn_counts *counts;
	int sockets[CHURN_SOCKETS][2];
	uint64_t seed, deadline;
	unsigned int born, unloads;
	pid_t pids[WORKERS];
};

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value && *value ? strtoull(value, NULL, 0) : otherwise;
}

static void start_worker(struct crowd *crowd, size_t i)
{
	struct churn churn = { .counts = crowd->counts, .sockets = crowd->sockets };

	crowd->born++;
	churn.random = crowd->seed + crowd->born * 0x9e3779b97f4a7c15ull;
	crowd->pids[i] = start_child();
	if (crowd->pids[i])
		return;
	churn.device = open_device();
	churn_work(&churn, crowd->deadline);
	_exit(0);
}

/* Who died is followed by another; other ends are failures. False: all is done. */
static bool attend(struct crowd *crowd)
{
	size_t i, working = 0;
	int status;

	for (i = 0; i < WORKERS; i++) {
		if (!crowd->pids[i])
			continue;
		if (waitpid(crowd->pids[i], &status, WNOHANG) != crowd->pids[i]) {
			working++;
			continue;
		}
		crowd->pids[i] = 0;
		ASSERT(!status || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
		if (status && now_ns() < crowd->deadline) {
			start_worker(crowd, i);
			working++;
		}
	}
	return working;
}

static void open_sockets(struct crowd *crowd)
{
	size_t i;

	for (i = 0; i < CHURN_SOCKETS; i++)
		ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				     crowd->sockets[i]), 0);
}

/* What is under way in them goes, too. */
static void close_sockets(struct crowd *crowd)
{
	size_t i;

	for (i = 0; i < CHURN_SOCKETS; i++) {
		close(crowd->sockets[i][0]);
		close(crowd->sockets[i][1]);
	}
}

static void show(const struct crowd *crowd)
{
	const struct churn_counts *counts = crowd->counts;
	size_t i;

	for (i = 0; i < CHURN_ACTS; i++)
		dprintf(1, "# %-12s %7llu times, refused %llu\n", churn_names[i],
			(unsigned long long)counts->done[i],
			(unsigned long long)counts->refused[i]);
	dprintf(1, "# %u processes, %llu died with a lock, %llu locks of the dead were found,"
		" %u times unloading was refused\n", crowd->born,
		(unsigned long long)counts->died_inside,
		(unsigned long long)counts->found_dead, crowd->unloads);
}

static void churn_for(struct crowd *crowd, uint64_t seconds)
{
	size_t i;

	crowd->deadline = now_ns() + seconds * 1000000000ull;
	open_sockets(crowd);
	for (i = 0; i < WORKERS; i++)
		start_worker(crowd, i);
	while (attend(crowd)) {
		ASSERT_ERRNO(syscall(SYS_delete_module, "dmashm", O_NONBLOCK), EAGAIN);
		crowd->unloads++;
		sleep_ms(20);
	}
	close_sockets(crowd);
	buffers_are(0);
}

/*
 * Twice, as the first time the kernel takes memory that it keeps: what is lost each
 * time is lost in both.
 */
TEST_LIMIT(a_crowd_leaves_nothing_behind, 400)
{
	uint64_t seconds = from_environment("DMASHM_CHURN_SECONDS", SECONDS);
	struct crowd crowd = { .seed = from_environment("DMASHM_SEED", 1) };
	int keeper = open_device(), tries = 3;
	long before, lost;
	size_t i;

	ASSERT(load_module("dmashm_importer"));
	crowd.counts = mmap(NULL, sizeof(*crowd.counts), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	dprintf(1, "# DMASHM_SEED=%llu\n", (unsigned long long)crowd.seed);
	churn_for(&crowd, (seconds + 3) / 4);
	do {
		before = free_kib();
		churn_for(&crowd, seconds);
		lost = before - free_kib();
		dprintf(1, "# %ld KiB of memory are not back\n", lost);
	} while (lost > 4096 && --tries);
	show(&crowd);
	ASSERT(tries);
	for (i = 0; i < CHURN_ACTS; i++)
		if (!crowd.counts->done[i])
			FAIL("no %s: too few seconds to tell", churn_names[i]);
	close(keeper);
}
