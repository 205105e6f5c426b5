// SPDX-License-Identifier: MIT
/*
 * What can be done to a mapping, whole or in batches: the data stays, shared,
 * and nothing is left behind.
 */
#include <pthread.h>

#include "memory.h"

#define SIZE	(4 * MIB)
#define ROUNDS	ktap_rounds(1000 / (int)ktap_every())

/* Linux 6.1's headers have them, but not each C library. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/* A buffer, mapped in the way under test, and once more to compare. */
struct view {
	int fd;
	size_t skew;
	uint8_t *data;
	uint8_t *other;
};

static void open_view(struct view *view, size_t skew)
{
	view->fd = create(SIZE);
	view->skew = skew;
	view->data = map_skewed(view->fd, SIZE, skew);
	view->other = map_data(view->fd, SIZE);
	fill_pages(view->data, SIZE, 1);
	check_pages(view->other, SIZE, 1);
}

/* Both show the same, what the other writes too. */
static void check_view(struct view *view, uint8_t *data, size_t offset,
		       size_t size)
{
	static uint32_t seed = 100;

	fill_pages(view->other + offset, size, ++seed);
	check_pages(data, size, seed);
	fill_pages(data, size, ++seed);
	check_pages(view->other + offset, size, seed);
}

/* Runs it on both kinds of mapping. */
static void on_both(void (*test)(struct view *view))
{
	static const size_t skews[] = { 0, 4096 };
	size_t i;

	for (i = 0; i < 2; i++) {
		struct view view;

		open_view(&view, skews[i]);
		test(&view);
		munmap(view.data, SIZE);
		munmap(view.other, SIZE);
		close(view.fd);
	}
}

/*
 * 1,000 rounds on both kinds (make check: 250): neither the machine nor the process may have less
 * afterwards. The first few rounds fill what is kept by others.
 */
static void in_rounds(void (*round)(struct view *view))
{
	static const size_t skews[] = { 0, 4096 };
	long memory, mapped;
	struct view view;
	size_t i;
	int n;

	for (i = 0; i < 2; i++) {
		open_view(&view, skews[i]);
		faults_of_writing(view.other, SIZE);
		for (n = 0; n < 10; n++)
			round(&view);
		faults_of_writing(view.data, SIZE);
		mapped = mapped_kib();
		memory = free_kib();
		for (n = 0; n < ROUNDS; n++)
			round(&view);
		faults_of_writing(view.data, SIZE);
		/* Code of libc's, and counters that are exact to some pages. */
		ASSERT(labs(mapped_kib() - mapped) <= 1024);
		ASSERT(free_kib() > memory - 4096);
		check_view(&view, view.data, 0, SIZE);
		munmap(view.data, SIZE);
		munmap(view.other, SIZE);
		close(view.fd);
	}
}

/* Where each advice is refused, that is the kernel's word, and stays so. */
static const struct {
	const char *name;
	int advice;
	int error;
} advices[] = {
	{ "NORMAL", MADV_NORMAL, 0 },
	{ "RANDOM", MADV_RANDOM, 0 },
	{ "SEQUENTIAL", MADV_SEQUENTIAL, 0 },
	{ "WILLNEED", MADV_WILLNEED, 0 },
	{ "DONTNEED", MADV_DONTNEED, 0 },
	{ "FREE", MADV_FREE, EINVAL },		/* private memory only */
	{ "REMOVE", MADV_REMOVE, ENODEV },	/* no file has holes here */
	{ "DONTFORK", MADV_DONTFORK, 0 },
	{ "DOFORK", MADV_DOFORK, 0 },
	{ "MERGEABLE", MADV_MERGEABLE, 0 },	/* ignored */
	{ "UNMERGEABLE", MADV_UNMERGEABLE, 0 },
	{ "HUGEPAGE", MADV_HUGEPAGE, 0 },
	{ "COLLAPSE", MADV_COLLAPSE, EINVAL },
	{ "NOHUGEPAGE", MADV_NOHUGEPAGE, 0 },
	{ "DONTDUMP", MADV_DONTDUMP, 0 },
	{ "DODUMP", MADV_DODUMP, EINVAL },	/* never dumped */
	{ "WIPEONFORK", MADV_WIPEONFORK, EINVAL },	/* private memory only */
	{ "KEEPONFORK", MADV_KEEPONFORK, 0 },
	{ "COLD", MADV_COLD, 0 },
	{ "PAGEOUT", MADV_PAGEOUT, 0 },
	{ "POPULATE_READ", MADV_POPULATE_READ, 0 },
	{ "POPULATE_WRITE", MADV_POPULATE_WRITE, 0 },
	{ "DONTNEED_LOCKED", MADV_DONTNEED_LOCKED, 0 },
	/*
	 * Not HWPOISON and SOFT_OFFLINE: they take pages from the machine for
	 * good, whoever has them mapped.
	 */
};

#define ADVICES (sizeof(advices) / sizeof(advices[0]))

static void advise(uint8_t *data, size_t size, size_t i)
{
	int ret = madvise(data, size, advices[i].advice);

	if (advices[i].error ? ret != -1 || errno != advices[i].error : ret)
		FAIL("%s gives %d, errno %d, not %d", advices[i].name, ret, errno,
		     advices[i].error);
}

static void advise_each(struct view *view)
{
	size_t i, part = 37 * page_size();

	for (i = 0; i < ADVICES; i++) {
		advise(view->data, SIZE, i);
		check_view(view, view->data, 0, SIZE);
		/* A part, that begins in the middle of a whole entry. */
		advise(view->data + part, 3 * part, i);
		check_view(view, view->data, 0, SIZE);
	}
}

TEST(each_advice_has_its_result) { on_both(advise_each); }

static size_t advice_now;

static void advise_once(struct view *view)
{
	advise(view->data, SIZE, advice_now);
	*(volatile uint8_t *)view->data = 1;
	view->data[SIZE - 1] = 1;
	advise(view->data + page_size(), SIZE / 2, advice_now);
	view->data[SIZE / 2] = 1;
}

TEST_LIMIT(each_advice_in_rounds, 400)
{
	for (advice_now = 0; advice_now < ADVICES; advice_now++)
		in_rounds(advise_once);
}

static void unmap_parts(struct view *view)
{
	size_t page = page_size();
	static const size_t parts[][2] = {
		{ 0, 1 }, { 511, 2 }, { 100, 300 }, { 512, 1 }, { 1023, 1 },
	};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		uint8_t *at = view->data + parts[i][0] * page;
		size_t size = parts[i][1] * page;

		ASSERT_EQ(munmap(at, size), 0);
		map_at(at, view->fd, size, parts[i][0] * page,
		       PROT_READ | PROT_WRITE, 0);
		*(volatile uint8_t *)at = 1;
	}
	munmap(view->data, SIZE);
	map_at(view->data, view->fd, SIZE, 0, PROT_READ | PROT_WRITE, 0);
	view->data[3] = 1;
}

static void check_unmapped_parts(struct view *view)
{
	size_t page = page_size();

	munmap(view->data + 10 * page, 20 * page);
	check_view(view, view->data, 0, 10 * page);
	check_view(view, view->data + 30 * page, 30 * page, SIZE - 30 * page);
}

TEST(partial_unmaps_leave_the_rest) { on_both(check_unmapped_parts); }
TEST_LIMIT(unmaps_in_rounds, 120) { in_rounds(unmap_parts); }

static void protect(struct view *view)
{
	size_t page = page_size(), size = 300 * page;
	uint8_t *at = view->data + 100 * page;

	ASSERT_EQ(mprotect(at, size, PROT_READ), 0);
	ASSERT_EQ(at[size - 1], at[size - 1]);
	ASSERT_EQ(mprotect(at, size, PROT_NONE), 0);
	ASSERT_EQ(mprotect(view->data, SIZE, PROT_READ), 0);
	ASSERT_EQ(mprotect(view->data, SIZE, PROT_READ | PROT_WRITE), 0);
	at[0] = 1;
}

static void check_protected(struct view *view)
{
	size_t page = page_size();
	int pipefd[2];

	ASSERT_EQ(pipe(pipefd), 0);
	ASSERT_EQ(mprotect(view->data + page, 2 * page, PROT_READ), 0);
	ASSERT_EQ(write(pipefd[1], "x", 1), 1);
	ASSERT_ERRNO(read(pipefd[0], view->data + page, 1), EFAULT);
	check_view(view, view->data + 3 * page, 3 * page, SIZE - 3 * page);
	fill_pages(view->other, SIZE, 3);
	check_pages(view->data, SIZE, 3);
	protect(view);
	check_view(view, view->data, 0, SIZE);
	close(pipefd[0]);
	close(pipefd[1]);
}

TEST(protection_is_by_page) { on_both(check_protected); }
TEST_LIMIT(protection_in_rounds, 120) { in_rounds(protect); }

/* Away by a page, so that what agreed no longer does, and back. */
static uint8_t *move_to;

static void move(struct view *view)
{
	size_t page = page_size(), part = 700 * page;
	uint8_t *away;

	if (!move_to)
		move_to = reserve(2 * (SIZE + HUGE), 0);
	ASSERT(mremap(view->data, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      move_to + 5 * page) == move_to + 5 * page);
	move_to[5 * page] = 1;
	move_to[5 * page + SIZE - 1] = 1;
	away = move_to + SIZE + HUGE;
	ASSERT(mremap(move_to + 5 * page, SIZE, SIZE,
		      MREMAP_MAYMOVE | MREMAP_FIXED, away) == away);
	away[SIZE / 2] = 1;
	/* In two parts, one of them shrunk on the way. */
	ASSERT(mremap(away + part, SIZE - part, SIZE - part,
		      MREMAP_MAYMOVE | MREMAP_FIXED, view->data + part) ==
	       view->data + part);
	ASSERT(mremap(away, part, part - page, MREMAP_MAYMOVE | MREMAP_FIXED,
		      view->data) == view->data);
	view->data[0] = 1;
	view->data[SIZE - 1] = 1;
}

static void check_moved(struct view *view)
{
	size_t page = page_size(), part = 700 * page;

	move(view);
	check_view(view, view->data, 0, part - page);
	check_view(view, view->data + part, part, SIZE - part);
}

/* Pieces do not become one again, and one piece is what can be moved. */
static void move_once(struct view *view)
{
	move(view);
	map_at(view->data, view->fd, SIZE, 0, PROT_READ | PROT_WRITE, 0);
}

TEST(moved_mappings_show_the_same) { on_both(check_moved); }
TEST_LIMIT(moves_in_rounds, 180) { in_rounds(move_once); }

/* Whole entries move where addresses agree; elsewhere batches follow, to stay. */
TEST(moved_mappings_take_few_faults)
{
	size_t size = 32 * MIB, page = page_size();
	int fd = create(size), flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	uint8_t *to = reserve(size + HUGE, 0), *data = map_skewed(fd, size, 0);
	long most = (long)(size / page / 32);

	faults_of_writing(data, size);
	ASSERT(mremap(data, size, size, flags, to) == to);
	ASSERT_EQ(faults_of_writing(to, size), 0);
	data = reserve(size, page);
	ASSERT(mremap(to, size, size, flags, data) == data);
	ASSERT(faults_of_writing(data, size) <= most);
	to = reserve(size, 0);
	ASSERT(mremap(data, size, size, flags, to) == to);
	ASSERT_EQ(faults_of_writing(to, size), 0);
	ASSERT_EQ(madvise(to, size, MADV_DONTNEED), 0);
	ASSERT(faults_of_writing(to, size) <= most);
}

static void check_sizes(struct view *view)
{
	size_t page = page_size();

	ASSERT_ERRNO((long)mremap(view->data, SIZE, SIZE + page, MREMAP_MAYMOVE),
		     EFAULT);
	ASSERT_ERRNO((long)mremap(view->data, 0, SIZE, MREMAP_MAYMOVE), EFAULT);
	ASSERT_ERRNO((long)mremap(view->data, SIZE, SIZE, MREMAP_MAYMOVE |
				  MREMAP_DONTUNMAP, NULL), EINVAL);
	ASSERT(mremap(view->data, SIZE, page, 0) == view->data);
	check_view(view, view->data, 0, page);
	ASSERT_ERRNO((long)mremap(view->data, page, SIZE, MREMAP_MAYMOVE), EFAULT);
}

TEST(mappings_shrink_but_never_grow) { on_both(check_sizes); }

static void lock_pages(struct view *view)
{
	ASSERT_EQ(mlock(view->data, SIZE), 0);
	ASSERT_EQ(munlock(view->data, SIZE), 0);
	ASSERT_EQ(mlock2(view->data, SIZE, MLOCK_ONFAULT), 0);
	ASSERT_EQ(munlock(view->data, SIZE), 0);
}

/* They are never paged out, so nothing counts as locked; but all is mapped. */
static void check_locked(struct view *view)
{
	ASSERT_EQ(madvise(view->data, SIZE, MADV_DONTNEED), 0);
	ASSERT_EQ(mlock(view->data, SIZE), 0);
	ASSERT_EQ(proc_value("/proc/self/status", "VmLck:"), 0);
	ASSERT_EQ(faults_of_writing(view->data, SIZE), 0);
	ASSERT_EQ(munlock(view->data, SIZE), 0);
	ASSERT_EQ(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	check_view(view, view->data, 0, SIZE);
	munmap(view->data, SIZE);
	map_at(view->data, view->fd, SIZE, 0, PROT_READ | PROT_WRITE, 0);
	ASSERT_EQ(faults_of_writing(view->data, SIZE), 0);
	ASSERT_EQ(munlockall(), 0);
	check_view(view, view->data, 0, SIZE);
}

TEST(locking_maps_all) { on_both(check_locked); }
TEST_LIMIT(locks_in_rounds, 120) { in_rounds(lock_pages); }

/* A child, and its child, write; each sees what the others wrote. */
static void fork_twice(struct view *view)
{
	pid_t pid = start_child();

	if (!pid) {
		pid_t grandchild = start_child();

		if (!grandchild) {
			view->data[SIZE - 2] = 3;
			_exit(0);
		}
		wait_child(grandchild);
		ASSERT_EQ(view->data[SIZE - 2], 3);
		view->data[SIZE / 2] = 4;
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(view->data[SIZE - 2], 3);
	ASSERT_EQ(view->data[SIZE / 2], 4);
	view->data[SIZE - 2] = 0;
	view->data[SIZE / 2] = 0;
}

TEST(children_and_theirs_share_it) { on_both(fork_twice); }
TEST_LIMIT(forks_in_rounds, 400) { in_rounds(fork_twice); }

/* Three threads touch while one zaps, by advice or by a new mapping. */
static struct view *racing;
static unsigned int race_begun;	/* by so many of them */
static bool race_over;

static void *race_touch(void *seed)
{
	unsigned int random = (unsigned int)(uintptr_t)seed;
	uint32_t n = 0;

	while (!__atomic_load_n(&race_over, __ATOMIC_RELAXED)) {
		size_t page = (size_t)(rand_r(&random) % (int)(SIZE / page_size()));

		((volatile uint8_t *)racing->data)[page * page_size() + 16] = 1;
		if (!n++)
			__atomic_add_fetch(&race_begun, 1, __ATOMIC_RELAXED);
	}
	ASSERT(n > 0);
	return NULL;
}

static void race_zap(struct view *view)
{
	int n;

	for (n = 0; n < ROUNDS; n++) {
		size_t page = (size_t)(n * 37 % (int)(SIZE / page_size()));
		size_t size = SIZE - page * page_size();
		uint8_t *at = view->data + page * page_size();

		if (n % 4)
			ASSERT_EQ(madvise(at, size, MADV_DONTNEED), 0);
		else
			map_at(at, view->fd, size, page * page_size(),
			       PROT_READ | PROT_WRITE, 0);
	}
}

static void race(struct view *view)
{
	pthread_t thread[3];
	long mapped;
	size_t i;

	faults_of_writing(view->other, SIZE);
	faults_of_writing(view->data, SIZE);
	mapped = mapped_kib();
	racing = view;
	race_begun = 0;
	race_over = false;
	for (i = 0; i < 3; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, race_touch,
					 (void *)(i + 1)), 0);
	/* Or the zapping, of few rounds, may be over before they touch anything. */
	while (__atomic_load_n(&race_begun, __ATOMIC_RELAXED) < 3)
		sleep_ms(1);
	race_zap(view);
	__atomic_store_n(&race_over, true, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	check_view(view, view->data, 0, SIZE);
	ASSERT(labs(mapped_kib() - mapped) <= 1024);
}

TEST_LIMIT(threads_fault_while_others_zap, 180)
{
	long before;

	on_both(race);		/* stacks of threads, and the like */
	before = free_kib();
	on_both(race);
	ASSERT(free_kib() > before - 4096);
}
