// SPDX-License-Identifier: MIT
/*
 * One buffer, mapped twice by one process, and read and written by the kernel.
 *
 * Shows that both mappings are the same physical pages (by the page frame
 * numbers of /proc/self/pagemap), and that what any of the three writes the
 * other two read, with no copy between them. The kernel reads and writes where
 * the program asks it to, by pread() and pwrite() on the member fd; it takes
 * the barrier for that, so no bracket may be open meanwhile.
 *
 * Run as root, for the page frame numbers: ./map_twice
 *
 *   page 0: frame 0x11aa00 by mapping 1, frame 0x11aa00 by mapping 2
 *   ...
 *   mapping 1 writes asdf: mapping 2 reads asdf, the kernel reads asdf
 *   the kernel writes qwer: mapping 1 reads qwer, mapping 2 reads qwer
 *   mapping 2 writes zxcv: mapping 1 reads zxcv, the kernel reads zxcv
 *   ok: one buffer, seen alike through two mappings and by the kernel
 *
 * Exits with 0 if all of that is so.
 */
#include <dmashm.h>
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES		4
#define WORD_LENGTH	4

/* From Documentation/admin-guide/mm/pagemap.rst. */
#define PAGEMAP_PRESENT	(1ull << 63)
#define PAGEMAP_FRAME	((1ull << 55) - 1)

enum who { MAPPING_1, MAPPING_2, KERNEL, PARTIES };

static const char *const names[PARTIES] = {
	"mapping 1", "mapping 2", "the kernel",
};

static struct dmashm_buffer *buf;
static char *mappings[KERNEL];

static void check(int ret, const char *what)
{
	if (ret)
		errx(1, "%s failed: %s", what, strerror(-ret));
}

static void begin(unsigned int access)
{
	check(dmashm_begin(buf, access, DMASHM_NEVER), "dmashm_begin");
}

static void end(unsigned int access)
{
	check(dmashm_end(buf, access), "dmashm_end");
}

/* The page frame behind an address that has been touched. */
static uint64_t frame_of(int pagemap, const char *address)
{
	long page = sysconf(_SC_PAGESIZE);
	uint64_t entry;
	off_t at = (uintptr_t)address / page * sizeof(entry);

	if (pread(pagemap, &entry, sizeof(entry), at) != sizeof(entry))
		err(1, "/proc/self/pagemap");
	if (!(entry & PAGEMAP_PRESENT))
		errx(1, "the page at %p is not in memory", (const void *)address);
	if (!(entry & PAGEMAP_FRAME))
		errx(1, "the kernel hides page frame numbers: run this as root");
	return entry & PAGEMAP_FRAME;
}

/* Reading faults the page in. */
static void touch(const char *address)
{
	(void)*(const volatile char *)address;
}

static void compare_frames(void)
{
	long page = sysconf(_SC_PAGESIZE);
	int n, pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (pagemap < 0)
		err(1, "/proc/self/pagemap");
	for (n = 0; n < PAGES; n++) {
		uint64_t frames[KERNEL];
		enum who who;

		begin(DMASHM_READ);
		for (who = MAPPING_1; who < KERNEL; who++) {
			touch(mappings[who] + n * page);
			frames[who] = frame_of(pagemap, mappings[who] + n * page);
		}
		end(DMASHM_READ);
		printf("page %d: frame %#llx by mapping 1, frame %#llx by mapping 2\n",
		       n, (unsigned long long)frames[MAPPING_1],
		       (unsigned long long)frames[MAPPING_2]);
		if (frames[MAPPING_1] != frames[MAPPING_2])
			errx(1, "these are different pages");
	}
	close(pagemap);
}

static void put(enum who who, const char *word)
{
	if (who == KERNEL) {
		if (pwrite(dmashm_member_fd(buf), word, WORD_LENGTH, 0) != WORD_LENGTH)
			err(1, "pwrite by the kernel");
		return;
	}
	begin(DMASHM_WRITE);
	memcpy(mappings[who], word, WORD_LENGTH);
	end(DMASHM_WRITE);
}

static void get(enum who who, char *word)
{
	if (who == KERNEL) {
		if (pread(dmashm_member_fd(buf), word, WORD_LENGTH, 0) != WORD_LENGTH)
			err(1, "pread by the kernel");
		return;
	}
	begin(DMASHM_READ);
	memcpy(word, mappings[who], WORD_LENGTH);
	end(DMASHM_READ);
}

/* One writes, the other two read. */
static void say(enum who writer, const char *word)
{
	const char *between = ":";
	bool alike = true;
	enum who who;

	put(writer, word);
	printf("%s writes %s", names[writer], word);
	for (who = MAPPING_1; who < PARTIES; who++) {
		char found[WORD_LENGTH + 1] = "";

		if (who == writer)
			continue;
		get(who, found);
		printf("%s %s reads %s", between, names[who], found);
		between = ",";
		alike = alike && !strcmp(found, word);
	}
	putchar('\n');
	if (!alike)
		errx(1, "what was read is not what was written");
}

int main(void)
{
	size_t size = PAGES * (size_t)sysconf(_SC_PAGESIZE);
	void *address;
	enum who who;

	check(dmashm_create(size, "map_twice", 0, &buf), "dmashm_create");
	for (who = MAPPING_1; who < KERNEL; who++) {
		check(dmashm_map(buf, PROT_READ | PROT_WRITE, &address),
		      "dmashm_map");
		mappings[who] = address;
	}
	if (mappings[MAPPING_1] == mappings[MAPPING_2])
		errx(1, "the two mappings are at one address");

	compare_frames();
	say(MAPPING_1, "asdf");
	say(KERNEL, "qwer");
	say(MAPPING_2, "zxcv");
	dmashm_close(buf);
	puts("ok: one buffer, seen alike through two mappings and by the kernel");
	return 0;
}
