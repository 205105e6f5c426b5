// SPDX-License-Identifier: MIT
/*
 * Calls at random, by all that the grammar knows, from several processes at once.
 *
 * usage: fuzz [--calls N] [--seed N] [--workers N] [--rounds N]
 *
 * What is drawn is determined by the seed, the round, the worker, its life and the
 * number of the call. To find out about a failure run it again with its seed, or
 * see docs/fuzzing.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <linux/dmashm.h>

#include "call.h"
#include "grammar.h"
#include "remains.h"
#include "watch.h"
#include "worker.h"

#define LOOK_US		10000
#define KILLS		30	/* a worker is killed once in so many looks */
#define HASTY_NS	500000000ull	/* calls that take longer are let alone */
#define LEAK_KIB	512	/* lost in every round but the first: a leak */
#define ROUNDS_MAX	64

static struct {
	unsigned long long calls, seed;
	unsigned int workers, rounds;
} option = { .calls = 5000, .seed = 1, .workers = 4, .rounds = 4 };

static struct legacy legacy;
static struct random dice;	/* of who kills */

static void die(const char *what)
{
	printf("# fuzz: %s: %s\n", what, strerror(errno));
	exit(1);
}

/*
 * Limits, so that nothing that is drawn takes the machine's memory
 */

#define LIMIT "/sys/module/dmashm/parameters/max_user_mib"

static char limit_before[32];

static void set_limit(const char *mib)
{
	int fd = open(LIMIT, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, mib, strlen(mib)) < 0)
		printf("# fuzz: no limit can be set\n");
	close(fd);
}

static void restore_limit(void)
{
	set_limit(limit_before);
}

static void limit_memory(void)
{
	FILE *file = fopen(LIMIT, "re");

	if (!file || !fgets(limit_before, sizeof(limit_before), file))
		die(LIMIT);
	fclose(file);
	set_limit("64");
	atexit(restore_limit);
}

/*
 * What all workers begin with
 */

static void make_well(int i, int device)
{
	struct dmashm_create create = {
		.size = i == 3 ? 4 << 20 : (1u << i) * grammar_page(), .name = "well",
	};
	struct dmashm_join join = { 0 };

	if (ioctl(device, DMASHM_IOC_CREATE, &create))
		die("CREATE");
	join.dmabuf_fd = create.fd;
	if (ioctl(device, DMASHM_IOC_JOIN, &join))
		die("JOIN");
	legacy.dmabuf[i] = create.fd;
	legacy.member[i] = join.fd;
}

static void make_wells(void)
{
	int device = open(DMASHM_DEVICE, O_RDWR | O_CLOEXEC), i;

	if (device < 0)
		die(DMASHM_DEVICE);
	for (i = 0; i < WELLS; i++)
		make_well(i, device);
	close(device);
}

static void close_wells(void)
{
	int i;

	for (i = 0; i < WELLS; i++) {
		close(legacy.dmabuf[i]);
		close(legacy.member[i]);
	}
}

static void make_post(void)
{
	unsigned int i;

	legacy.workers = option.workers;
	for (i = 0; i < option.workers; i++)
		if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, legacy.post[i]))
			die("socketpair");
}

static void close_post(void)
{
	unsigned int i;

	for (i = 0; i < option.workers; i++) {
		close(legacy.post[i][0]);
		close(legacy.post[i][1]);
	}
}

/*
 * Workers
 */

static uint64_t share(unsigned int worker)
{
	uint64_t calls = option.calls / option.rounds;

	return calls / option.workers + (worker < calls % option.workers);
}

static void start_worker(unsigned int i)
{
	struct slot *slot = &shared->slot[i];
	pid_t parent = getpid(), pid;

	slot->began = 0;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid) {
		slot->pid = pid;
		return;
	}
	/* Children of its are in its group, and go with it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	setpgid(0, 0);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	worker_run(i, &legacy, share(i));
}

static int worker_of(pid_t pid)
{
	unsigned int i;

	for (i = 0; i < option.workers; i++)
		if (shared->slot[i].pid == pid)
			return (int)i;
	return -1;
}

/* Whoever was killed is followed by another one, until all calls are made. */
static void bury(pid_t pid, int status)
{
	int i = worker_of(pid);
	struct slot *slot;

	if (i < 0)
		return;
	slot = &shared->slot[i];
	kill(-pid, SIGKILL);
	slot->pid = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL &&
	    !__atomic_exchange_n(&shared->failed, 1, __ATOMIC_SEQ_CST))
		snprintf(shared->reason, sizeof(shared->reason), "worker %d ended by signal %d",
			 i, WTERMSIG(status));
	if (shared->failed || slot->calls >= share((unsigned int)i))
		return;
	slot->life++;
	start_worker((unsigned int)i);
}

static unsigned int living(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < option.workers; i++)
		n += shared->slot[i].pid > 0;
	return n;
}

/* Not one that may be about to hang: that is to be seen. */
static bool may_hang(const struct slot *slot)
{
	uint64_t began = __atomic_load_n(&slot->began, __ATOMIC_ACQUIRE);

	return began && clock_ns() > began + HASTY_NS;
}

/* In the midst of whatever it is doing, together with a child that it may have. */
static void kill_somebody(void)
{
	struct slot *slot = &shared->slot[random_below(&dice, option.workers)];

	if (option.workers > 1 && slot->pid && !random_below(&dice, KILLS) && !may_hang(slot))
		kill(-slot->pid, SIGKILL);
}

static void kill_all(void)
{
	unsigned int i;

	for (i = 0; i < option.workers; i++)
		if (shared->slot[i].pid > 0)
			kill(-shared->slot[i].pid, SIGKILL);
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		bury(pid, status);
}

/* Killed, each must go, whatever it was in. */
static void end_all(void)
{
	uint64_t late = clock_ns() + 15000000000ull;

	kill_all();
	while (living() && clock_ns() < late) {
		reap();
		usleep(LOOK_US);
	}
	if (living())
		printf("# %u workers cannot be killed\n", living());
}

static void run_round(void)
{
	unsigned int i;

	make_wells();
	make_post();
	for (i = 0; i < option.workers; i++) {
		shared->slot[i].calls = 0;
		shared->slot[i].life = 0;
		start_worker(i);
	}
	while (living() && !shared->failed && !watch_finds_a_hang(option.workers)) {
		usleep(LOOK_US);
		kill_somebody();
		reap();
	}
	if (shared->failed)
		end_all();
	close_post();
	close_wells();
}

/*
 * All of it
 */

/* What was changed is set back, and nobody is left, when it is ended from outside. */
static void on_end(int signal)
{
	if (__atomic_exchange_n(&shared->failed, 1, __ATOMIC_SEQ_CST))
		return;
	strcpy(shared->reason, signal == SIGINT ? "interrupted" : "terminated");
}

static void catch_ends(void)
{
	struct sigaction action = { .sa_handler = on_end };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* What is lost once is no leak; what is lost in every round is. */
static bool leaks(const long *free, unsigned int rounds)
{
	long least = 0;
	unsigned int i;

	for (i = 2; i <= rounds; i++)
		if (i == 2 || free[i - 1] - free[i] < least)
			least = free[i - 1] - free[i];
	printf("# free memory, KiB, before and after each round:");
	for (i = 0; i <= rounds; i++)
		printf(" %ld", free[i]);
	printf("\n");
	return rounds > 2 && least > LEAK_KIB;
}

static bool run(void)
{
	long free[ROUNDS_MAX + 1];
	bool good = true;

	free[0] = remains_free_kib();
	for (shared->round = 0; shared->round < option.rounds && good; shared->round++) {
		run_round();
		good = !shared->failed && remains_are_none();
		free[shared->round + 1] = remains_free_kib();
	}
	if (good && leaks(free, option.rounds)) {
		printf("# memory is lost in every round\n");
		good = false;
	}
	return good;
}

static void load_modules(void)
{
	static const char *const names[] = { "vgem", "dmashm_importer", "dmashm_tester" };
	char command[192];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(command, sizeof(command), "test -e /sys/module/%s || modprobe -q %s ||"
			 " insmod \"$DMASHM_MODULES/%s.ko\" 2>/dev/null", names[i], names[i], names[i]);
		if (system(command))
			printf("# without %s: it does not load\n", names[i]);
	}
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "calls", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "workers", required_argument, NULL, 'w' },
		{ "rounds", required_argument, NULL, 'r' },
		{ 0 },
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long long value = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (letter) {
		case 'c':
			option.calls = value;
			break;
		case 's':
			option.seed = value;
			break;
		case 'w':
			option.workers = (unsigned int)value;
			break;
		case 'r':
			option.rounds = (unsigned int)value;
			break;
		default:
			printf("usage: fuzz [--calls N] [--seed N] [--workers N] [--rounds N]\n");
			exit(1);
		}
	}
	if (!option.workers || option.workers > WORKERS_MAX || !option.rounds ||
	    option.rounds > ROUNDS_MAX) {
		printf("1 to %d workers, 1 to %d rounds\n", WORKERS_MAX, ROUNDS_MAX);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	unsigned int i;
	bool good;

	read_options(argc, argv);
	/* Through a pipe, too: who ends it before the end wants to know the seed. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (call_count() > CALLS_MAX) {
		printf("# CALLS_MAX is too small\n");
		return 1;
	}
	printf("# seed %llu, %llu calls by %u processes in %u rounds\n", option.seed,
	       option.calls, option.workers, option.rounds);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	shared->seed = option.seed;
	dice.state = random_stream(option.seed, 0, WORKERS_MAX, 0);
	load_modules();
	catch_ends();
	limit_memory();
	remains_note();
	good = run();
	if (shared->failed) {
		good = false;
		printf("# failed: %s\n", shared->reason);
		watch_tell(option.workers);
	}
	if (!watch_totals())
		good = false;
	for (i = 0; i < option.workers; i++)
		printf("# worker %u drew %016llx\n", i,
		       (unsigned long long)shared->slot[i].digest);
	printf("# %s: seed %llu\n", good ? "nothing broke" : "BROKEN", option.seed);
	return good ? 0 : 1;
}
