// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dmashm.h>

#include "grammar.h"
#include "remains.h"
#include "worker.h"

#define LATE_NS 30000000000ull	/* a fence of vgem's lasts for ten seconds */

static const char *const counts[] = {
	"/sys/class/misc/dmashm/buffers",
	"/sys/class/misc/dmashm/used_bytes",
	"/sys/module/dmashm/refcnt",
};

#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static long long before[COUNTS];
static unsigned int shown_before;

static long long count_of(const char *path)
{
	FILE *file = fopen(path, "re");
	long long value = -1;

	if (file) {
		if (fscanf(file, "%lld", &value) != 1)
			value = -1;
		fclose(file);
	}
	return value;
}

/* Lines of debugfs that begin with a word. */
static unsigned int shown(const char *word)
{
	FILE *file = fopen("/sys/kernel/debug/dmashm/buffers", "re");
	unsigned int n = 0;
	char line[512];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		n += !strncmp(line, word, strlen(word));
	fclose(file);
	return n;
}

void remains_note(void)
{
	size_t i;

	for (i = 0; i < COUNTS; i++)
		before[i] = count_of(counts[i]);
	shown_before = shown("buffer ");
}

static void await(size_t i)
{
	uint64_t late = clock_ns() + LATE_NS;

	while (count_of(counts[i]) != before[i] && clock_ns() < late)
		usleep(10000);
}

/* Says so. */
static bool is_wrong(const char *what)
{
	printf("# afterwards: %s (errno %d)\n", what, errno);
	return true;
}

static bool works_not(int device)
{
	struct dmashm_create create = { .size = 2 * grammar_page(), .name = "after" };
	struct dmashm_join join = { .fd = -1 };
	struct dmashm_lock lock = { .deadline = clock_ns() + 1000000000 };
	struct dmashm_unlock unlock = { 0 };
	char text[8] = "";
	uint32_t *word;

	if (ioctl(device, DMASHM_IOC_CREATE, &create))
		return is_wrong("no buffer can be made");
	join.dmabuf_fd = create.fd;
	if (ioctl(device, DMASHM_IOC_JOIN, &join))
		return is_wrong("it cannot be joined");
	if (ioctl(join.fd, DMASHM_IOC_LOCK, &lock))
		return is_wrong("it cannot be locked");
	word = mmap(NULL, grammar_page(), PROT_READ, MAP_SHARED, join.fd,
		    (off_t)grammar_page());
	if (word == MAP_FAILED || *word != DMASHM_HELD(join.id))
		return is_wrong("the word is not that of its holder");
	if (ioctl(join.fd, DMASHM_IOC_UNLOCK, &unlock) || *word)
		return is_wrong("it cannot be unlocked");
	if (pwrite(join.fd, "after", 6, 4094) != 6 || pread(join.fd, text, 6, 4094) != 6 ||
	    strcmp(text, "after"))
		return is_wrong("what was written cannot be read");
	munmap(word, grammar_page());
	close(join.fd);
	close(create.fd);
	return false;
}

bool remains_are_none(void)
{
	int device = open(DMASHM_DEVICE, O_RDWR | O_CLOEXEC);
	bool wrong = device < 0 ? is_wrong("no device") : works_not(device);
	size_t i;

	close(device);
	for (i = 0; i < COUNTS; i++) {
		await(i);
		if (count_of(counts[i]) == before[i])
			continue;
		printf("# afterwards: %s is %lld, not %lld\n", counts[i],
		       count_of(counts[i]), before[i]);
		wrong = true;
	}
	if (shown("buffer ") != shown_before)
		wrong = is_wrong("debugfs shows other buffers than before");
	return !wrong;
}

/*
 * Free memory
 */

/* Pages that each CPU keeps in lists of its own: not in MemFree. */
static long listed_pages(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	long pages = 0, count;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &count) == 1)
			pages += count;
	fclose(file);
	return pages;
}

static long free_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	long kib = 0;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemFree: %ld", &kib) == 1)
			break;
	fclose(file);
	return kib;
}

long remains_free_kib(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	usleep(200000);
	if (fd >= 0) {
		if (write(fd, "3", 1) != 1)
			printf("# caches cannot be dropped\n");
		close(fd);
	}
	usleep(200000);
	return free_kib() + (long)grammar_page() / 1024 * listed_pages();
}
