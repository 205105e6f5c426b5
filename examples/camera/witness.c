// SPDX-License-Identifier: MIT
/*
 * Looks at the frames from beside, as root, and takes no part in what happens:
 *
 *   ./witness counts DIRECTORY   the number of the last frame of each process
 *   ./witness await DIRECTORY    until each of them has done ten more
 *   ./witness pages DIRECTORY    are the pages the same ones in all processes?
 *   ./witness touched DIRECTORY  whose CPU touches them, while frames go by?
 *   ./witness copy DIRECTORY     what a copy of a frame costs a CPU here
 *
 * The status of pages is 0 only if all are the same, that of touched only if the
 * overlay touches each frame, and neither camera nor display any.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pool.h"
#include "report.h"

#define PAGE		4096u
#define PAGES		(FRAME_BYTES / PAGE)
#define PRESENT		(UINT64_C(1) << 63)
#define PFN		((UINT64_C(1) << 55) - 1)
#define COPIES		31
#define AWAITED		10	/* frames */
#define WATCHED		25
#define PATIENCE	30000000000u	/* until they have gone by */

_Static_assert(FRAME_BYTES % PAGE == 0, "a frame is whole pages");

static const char usage[] =
	"usage: witness COMMAND DIRECTORY [camera] [overlay] [display]\n"
	"Of those named, or of all three:\n"
	"  counts      the number of the last frame that each was done with\n"
	"  await       until each has done ten more\n"
	"  pages       whether the frames are the same physical pages in each\n"
	"  touched     how many of these pages each touches, in 25 frames\n"
	"And of none:\n"
	"  copy        what a copy of one frame would cost, in CPU time\n"
	"  DIRECTORY   where the processes meet\n";

struct witness {
	struct pool pool;
	unsigned int roles;		/* asked about; bit: role */
};

static bool is_asked(const struct witness *witness, enum role role)
{
	return witness->roles & 1u << role;
}

/*
 * Counts
 */

static int show_counts(const struct witness *witness)
{
	enum role role;

	for (role = 0; role < ROLES; role++)
		if (is_asked(witness, role))
			printf("%s %u\n", role_names[role], pool_count(&witness->pool, role));
	return 0;
}

/* Until each has done so many more frames. */
static void watch(const struct witness *witness, uint32_t frames)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	const struct pool *pool = &witness->pool;
	uint64_t deadline = dmashm_deadline(PATIENCE);
	uint32_t begin[ROLES];
	enum role role;

	for (role = 0; role < ROLES; role++)
		begin[role] = pool_count(pool, role);
	for (role = 0; role < ROLES; role++) {
		while (is_asked(witness, role) && pool_count(pool, role) - begin[role] < frames) {
			if (now_ns() > deadline)
				errx(1, "the %s was at no. %u, and half a minute later is at no. %u; see whether it lives",
				     role_names[role], begin[role], pool_count(pool, role));
			nanosleep(&moment, NULL);
		}
	}
}

static int await(const struct witness *witness)
{
	watch(witness, AWAITED);
	return 0;
}

/* Who has a role that is asked about; 0 if it is not. */
static pid_t who(const struct witness *witness, enum role role)
{
	pid_t pid = is_asked(witness, role) ? pool_who(&witness->pool, role) : 0;

	if (is_asked(witness, role) && !pid)
		errx(1, "there is no %s; start it first", role_names[role]);
	return pid;
}

/*
 * Pages
 */

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "r");
	if (!file)
		err(1, "%s cannot be read; root can, while the process lives", path);
	return file;
}

/* Where a process has mapped a dma-buf, which its inode tells; 0: nowhere. */
static uint64_t find_mapping(pid_t pid, ino_t inode)
{
	FILE *maps = open_proc(pid, "maps");
	uint64_t start, found = 0, number;
	char line[512];

	while (!found && fgets(line, sizeof(line), maps))
		if (strstr(line, "/dmabuf") &&
		    sscanf(line, "%" SCNx64 "-%*x %*s %*x %*s %" SCNu64, &start, &number) == 2 &&
		    number == inode)
			found = start;
	fclose(maps);
	return found;
}

/* The physical pages there. */
static void read_pages(pid_t pid, uint64_t address, uint64_t pfns[PAGES])
{
	FILE *pagemap = open_proc(pid, "pagemap");
	unsigned int i;

	if (fseek(pagemap, (long)(address / PAGE * sizeof(*pfns)), SEEK_SET) ||
	    fread(pfns, sizeof(*pfns), PAGES, pagemap) != PAGES)
		err(1, "the page map of process %d could not be read", pid);
	fclose(pagemap);
	for (i = 0; i < PAGES; i++) {
		if (!(pfns[i] & PRESENT))
			errx(1, "process %d has not mapped all pages", pid);
		pfns[i] &= PFN;
		if (!pfns[i])
			errx(1, "the kernel does not say which pages they are; be root");
	}
}

static bool has_same_pages(const struct frame *frame, enum role role, pid_t pid)
{
	uint64_t own[PAGES], theirs[PAGES], address;
	struct stat stat;
	unsigned int i;

	if (fstat(dmashm_fd(frame->buf), &stat))
		err(1, "fstat");
	address = find_mapping(pid, stat.st_ino);
	if (!address)
		errx(1, "the %s has not mapped frame %u", role_names[role], frame->index);
	read_pages(getpid(), (uintptr_t)frame->pixels, own);
	read_pages(pid, address, theirs);
	for (i = 0; i < PAGES; i++) {
		if (own[i] == theirs[i])
			continue;
		printf("pages      page %u of frame %u is %" PRIx64 " here, but %" PRIx64 " in the %s\n",
		       i, frame->index, own[i], theirs[i], role_names[role]);
		return false;
	}
	return true;
}

/* Which pages they are, in one number (FNV-1a). */
static uint64_t hash_pages(const struct pool *pool)
{
	uint64_t hash = 0xcbf29ce484222325u, pfns[PAGES];
	unsigned int i, j;

	for (i = 0; i < POOL_FRAMES; i++) {
		read_pages(getpid(), (uintptr_t)pool->frames[i].pixels, pfns);
		for (j = 0; j < PAGES; j++)
			hash = (hash ^ pfns[j]) * 0x100000001b3u;
	}
	return hash;
}

static int compare_pages(const struct witness *witness)
{
	enum role role;
	pid_t pid;
	int i;

	for (role = 0; role < ROLES; role++) {
		pid = who(witness, role);
		for (i = 0; i < POOL_FRAMES && pid; i++)
			if (!has_same_pages(&witness->pool.frames[i], role, pid))
				return 1;
	}
	printf("pages      the %u of %d frames are the same physical ones everywhere, with the hash %016" PRIx64 "\n",
	       POOL_FRAMES * PAGES, POOL_FRAMES, hash_pages(&witness->pool));
	return 0;
}

/*
 * Touching: the CPU marks each entry of a page table through which it goes
 */

/* Takes the marks off, then (4) has the CPUs forget entries that they remember. */
static void clear_marks(pid_t pid)
{
	static const char *const commands[] = { "1", "4" };
	char path[64];
	int i, fd;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid);
	for (i = 0; i < 2; i++) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, commands[i], 1) != 1)
			err(1, "%s cannot be written; root can, while the process lives", path);
		close(fd);
	}
}

struct marks {
	unsigned int pages;
	unsigned int frames;		/* that have any */
};

/* Of a line of smaps that begins a mapping: its first word is a range. */
static bool begins_mapping(const char *line)
{
	const char *dash = strchr(line, '-'), *space = strchr(line, ' ');

	return dash && space && dash < space;
}

static struct marks count_marks(pid_t pid)
{
	FILE *smaps = open_proc(pid, "smaps");
	struct marks marks = { 0 };
	unsigned int kib;
	bool dmabuf = false;
	char line[512];

	while (fgets(line, sizeof(line), smaps)) {
		if (begins_mapping(line))
			dmabuf = strstr(line, "/dmabuf");
		if (!dmabuf || sscanf(line, "Referenced: %u kB", &kib) != 1)
			continue;
		marks.pages += kib / (PAGE >> 10);
		marks.frames += kib != 0;
	}
	fclose(smaps);
	return marks;
}

/* Who draws must have had all frames: one that does not come round is lost. */
static bool is_right(enum role role, const struct marks *marks)
{
	return role == OVERLAY ? marks->frames == POOL_FRAMES : !marks->pages;
}

static int find_touched(const struct witness *witness)
{
	struct marks marks;
	enum role role;
	int wrong = 0;

	for (role = 0; role < ROLES; role++)
		if (who(witness, role))
			clear_marks(who(witness, role));
	watch(witness, WATCHED);
	printf("touched    by the CPU while %d frames went by:", WATCHED);
	for (role = 0; role < ROLES; role++) {
		if (!who(witness, role))
			continue;
		marks = count_marks(who(witness, role));
		printf(" %s %u pages in %u frames;", role_names[role], marks.pages, marks.frames);
		wrong |= !is_right(role, &marks);
	}
	puts(wrong ? " that is wrong" : " as it should be");
	return wrong;
}

/*
 * A copy
 */

static void copy_by_words(void *to, const void *from)
{
	volatile uint64_t *target = to;
	const uint64_t *source = from;
	size_t i;

	for (i = 0; i < FRAME_BYTES / sizeof(*source); i++)
		target[i] = source[i];
}

static void copy_by_library(void *to, const void *from)
{
	memcpy(to, from, FRAME_BYTES);
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* At the pace of frames, as who copied each would do it; the median. */
static uint64_t cost_of(void (*copy)(void *to, const void *from), void *to,
			const void *from)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	uint64_t ns[COPIES];
	int i;

	for (i = 0; i < COPIES; i++) {
		nanosleep(&pause, NULL);
		ns[i] = cpu_ns();
		copy(to, from);
		ns[i] = cpu_ns() - ns[i];
	}
	qsort(ns, COPIES, sizeof(ns[0]), compare_ns);
	return ns[COPIES / 2];
}

/* Of a frame that others may be writing: what is in it does not matter here. */
static int measure_copy(const struct witness *witness)
{
	void *to = malloc(FRAME_BYTES);
	uint64_t library, words;

	if (!to)
		err(1, "malloc");
	memset(to, 1, FRAME_BYTES);
	library = cost_of(copy_by_library, to, witness->pool.frames[0].pixels);
	words = cost_of(copy_by_words, to, witness->pool.frames[0].pixels);
	printf("copy       of one frame would cost %.2f ms of CPU time by memcpy(), %.2f by a plain loop\n",
	       (double)library / 1e6, (double)words / 1e6);
	free(to);
	return 0;
}

static const struct command {
	const char *name;
	int prot;			/* how it maps the frames */
	int (*run)(const struct witness *witness);
} commands[] = {
	{ "counts", PROT_NONE, show_counts },
	{ "await", PROT_NONE, await },
	{ "pages", PROT_READ, compare_pages },
	{ "touched", PROT_NONE, find_touched },
	{ "copy", PROT_READ, measure_copy },
};

static enum role role_named(const char *name)
{
	enum role role;

	for (role = 0; role < ROLES; role++)
		if (!strcmp(role_names[role], name))
			return role;
	errx(2, "there is no %s; name some of camera, overlay and display", name);
}

int main(int argc, char **argv)
{
	static struct witness witness;
	unsigned int i;
	int n;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	for (n = 3; n < argc; n++)
		witness.roles |= 1u << role_named(argv[n]);
	if (!witness.roles)
		witness.roles = (1u << ROLES) - 1;
	for (i = 0; argc >= 3 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		pool_join(&witness.pool, argv[2], NO_ROLE, commands[i].prot);
		return commands[i].run(&witness);
	}
	fputs(usage, stderr);
	return 2;
}
