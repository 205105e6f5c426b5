// SPDX-License-Identifier: MIT
/*
 * What the library leaves behind: nothing, whether a call succeeds, fails, or runs
 * out of fds or address space at any step of it.
 */
#include <malloc.h>
#include <sys/resource.h>

#include "library.h"

#define FDS	64	/* no test here has more */

struct inventory {
	int fds;
	int mappings;
	size_t heap;
};

static int count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < FDS; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Without stdio, which has memory of its own. */
static int count_mappings(void)
{
	static char text[1 << 16];
	int fd = open("/proc/self/maps", O_RDONLY), lines = 0;
	ssize_t n, i;

	ASSERT(fd >= 0);
	while ((n = read(fd, text, sizeof(text))) > 0)
		for (i = 0; i < n; i++)
			lines += text[i] == '\n';
	close(fd);
	return lines;
}

/* A sanitizer has a heap of its own, with mappings that come and go. */
#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);	/* gcc has no header */
#define HAS_SANITIZER true
#define heap_bytes() __sanitizer_get_current_allocated_bytes()
#else
#define HAS_SANITIZER false
#define heap_bytes() mallinfo2().uordblks
#endif

static struct inventory take_inventory(void)
{
	return (struct inventory){
		.fds = count_fds(),
		.mappings = HAS_SANITIZER ? 0 : count_mappings(),
		.heap = heap_bytes(),
	};
}

static void nothing_is_left(struct inventory before)
{
	struct inventory now = take_inventory();

	ASSERT_EQ(now.fds, before.fds);
	ASSERT_EQ(now.mappings, before.mappings);
	ASSERT_EQ(now.heap, before.heap);
}

/*
 * What is done, from nothing to nothing; 0 or the first error.
 */

static int make(void)
{
	struct dmashm_buffer *buf;
	int err = dmashm_create(page_size(), "leak", 0, &buf);

	if (!err)
		dmashm_close(buf);
	return err;
}

static struct dmashm_buffer *given;	/* made before the counting begins */
static int given_socket[2];

static int import_by_member(void)
{
	struct dmashm_buffer *buf;
	int err = dmashm_import(dmashm_fd(given), dmashm_member_fd(given), &buf);

	if (!err)
		dmashm_close(buf);
	return err;
}

static int import_by_device(void)
{
	struct dmashm_buffer *buf;
	int err = dmashm_import(dmashm_fd(given), -1, &buf);

	if (!err)
		dmashm_close(buf);
	return err;
}

static int view(void)
{
	struct dmashm_buffer *buf;
	int err = dmashm_view(given, &buf);

	if (!err)
		dmashm_close(buf);
	return err;
}

static int map_and_close(void)
{
	struct dmashm_buffer *buf;
	void *a, *b;
	int err = dmashm_create(page_size(), NULL, 0, &buf);

	if (err)
		return err;
	err = dmashm_map(buf, PROT_READ, &a);
	if (!err)
		err = dmashm_map(buf, PROT_READ | PROT_WRITE, &b);
	if (!err)
		err = dmashm_unmap(buf, a);
	dmashm_close(buf);
	return err;
}

static int map_aligned(void)
{
	struct dmashm_buffer *buf;
	void *data;
	int err = dmashm_create(2 * MIB, NULL, 0, &buf);

	if (err)
		return err;
	err = dmashm_map(buf, PROT_READ, &data);
	dmashm_close(buf);
	return err;
}

/* With a frame open at either end when the handles go. */
static int queue(void)
{
	size_t size = dmashm_queue_size(2, 100);
	struct dmashm_queue *p = NULL, *c = NULL;
	struct dmashm_buffer *a, *b = NULL;
	struct dmashm_frame frame;
	void *data;
	int err = dmashm_create(size, NULL, 0, &a);

	if (err)
		return err;
	err = dmashm_import(dmashm_fd(a), dmashm_member_fd(a), &b);
	if (!err)
		err = dmashm_queue_create(a, 2, 100, 0, &p);
	if (!err)
		err = dmashm_queue_open(b, &c);
	if (!err) {
		ASSERT_EQ(dmashm_queue_put_begin(p, 0, &data), 0);
		ASSERT_EQ(dmashm_queue_put_end(p, 1), 0);
		ASSERT_EQ(dmashm_queue_put_begin(p, 0, &data), 0);
		ASSERT_EQ(dmashm_queue_get_begin(c, 0, &frame), 0);
	}
	dmashm_queue_close(c);
	dmashm_queue_close(p);
	dmashm_close(b);
	dmashm_close(a);
	return err;
}

/* Two of a buffer's two queues' producers: the second is refused. */
static int second_producer(void)
{
	struct dmashm_buffer *other;
	struct dmashm_queue *p, *q;
	int err = dmashm_queue_create(given, 2, 100, 0, &p), refused;

	if (err)
		return err;
	err = dmashm_import(dmashm_fd(given), dmashm_member_fd(given), &other);
	if (!err) {
		refused = dmashm_queue_create(other, 2, 100, 0, &q);
		ASSERT(refused == -EBUSY || refused == -ENOMEM);
		dmashm_close(other);
	}
	dmashm_queue_close(p);
	return err;
}

static int receive(void)
{
	struct dmashm_buffer *got;
	int err = dmashm_send(given, given_socket[0]);

	if (err)
		return err;
	err = dmashm_receive(given_socket[1], &got);
	if (!err)
		dmashm_close(got);
	return err;
}

/*
 * How
 */

static const struct {
	const char *name;
	int (*run)(void);
} all[] = {
	{ "create", make },
	{ "import by a member", import_by_member },
	{ "import by the device", import_by_device },
	{ "view", view },
	{ "map and close", map_and_close },
	{ "map, aligned", map_aligned },
	{ "queue", queue },
	{ "second producer", second_producer },
	{ "receive", receive },
};

#define ALL	(sizeof(all) / sizeof(all[0]))

/* Once before, for what the C library keeps. */
static void begin(void)
{
	size_t i;

	given = new_buffer(4 * page_size());
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, given_socket), 0);
	for (i = 0; i < ALL; i++)
		ASSERT_EQ(all[i].run(), 0);
	take_inventory();
}

static void limit(int resource, rlim_t value)
{
	struct rlimit limit;

	ASSERT_EQ(getrlimit(resource, &limit), 0);
	limit.rlim_cur = value;
	ASSERT_EQ(setrlimit(resource, &limit), 0);
}

TEST(what_succeeds_leaves_nothing)
{
	size_t i;

	begin();
	for (i = 0; i < ALL; i++) {
		struct inventory before = take_inventory();

		ASSERT_EQ(all[i].run(), 0);
		nothing_is_left(before);
	}
}

/* Fds are handed out from the lowest, and there are no gaps here. */
TEST(what_runs_out_of_fds_leaves_nothing)
{
	struct rlimit whole;
	size_t i;

	begin();
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &whole), 0);
	for (i = 0; i < ALL; i++) {
		int room = -1, err;

		do {
			struct inventory before = take_inventory();

			room++;
			limit(RLIMIT_NOFILE, (rlim_t)before.fds + (rlim_t)room);
			err = all[i].run();
			limit(RLIMIT_NOFILE, whole.rlim_cur);
			if (err && err != -EMFILE &&
			    !(err == -EBADMSG && all[i].run == receive))
				FAIL("%s with room for %d fds: %d", all[i].name, room, err);
			nothing_is_left(before);
			ASSERT(room < FDS / 2);
		} while (err);
		/* Each needs some; so each was seen to fail. */
		ASSERT(room > 0);
	}
}

static rlim_t address_space(void)
{
	unsigned long pages;
	char text[64];
	int fd = open("/proc/self/statm", O_RDONLY);
	ssize_t n;

	ASSERT(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	ASSERT(n > 0);
	text[n] = '\0';
	close(fd);
	ASSERT_EQ(sscanf(text, "%lu", &pages), 1);
	return (rlim_t)pages * page_size();
}

/* A page more each time, from none on. */
TEST_LIMIT(what_runs_out_of_address_space_leaves_nothing, 240)
{
	struct rlimit whole;
	size_t i;

	if (HAS_SANITIZER)
		SKIP("a sanitizer needs address space of its own");
	begin();
	ASSERT_EQ(getrlimit(RLIMIT_AS, &whole), 0);
	for (i = 0; i < ALL; i++) {
		unsigned int pages = 0;
		int err;

		do {
			struct inventory before = take_inventory();

			limit(RLIMIT_AS, address_space() + pages++ * page_size());
			err = all[i].run();
			limit(RLIMIT_AS, whole.rlim_cur);
			if (err && err != -ENOMEM)
				FAIL("%s with %u pages: %d", all[i].name, pages - 1, err);
			nothing_is_left(before);
			ASSERT(pages < 2000);
		} while (err);
		ASSERT(pages > 1);
	}
}

TEST(what_is_refused_leaves_nothing)
{
	struct dmashm_buffer *other = new_buffer(page_size()), *got;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct dmashm_queue *q;
	struct inventory before;
	void *data;

	begin();
	before = take_inventory();
	ASSERT_EQ(dmashm_create(1, "a name that is longer than 31 bytes", 0, &got), -EINVAL);
	ASSERT_EQ(dmashm_create((size_t)1 << (sizeof(size_t) * 8 - 1), NULL, 0, &got), -EFBIG);
	ASSERT_EQ(dmashm_import(dmashm_fd(given), dmashm_member_fd(other), &got), -EXDEV);
	ASSERT_EQ(dmashm_import(dmashm_fd(given), null, &got), -ENOTTY);
	ASSERT_EQ(dmashm_import(null, dmashm_member_fd(given), &got), -EINVAL);
	ASSERT_EQ(dmashm_import(null, -1, &got), -EINVAL);
	ASSERT_EQ(dmashm_map(given, PROT_EXEC, &data), -EINVAL);
	ASSERT_EQ(dmashm_unmap(given, NULL), -EINVAL);
	ASSERT_EQ(dmashm_queue_open(given, &q), 0);	/* begin() made it */
	dmashm_queue_close(q);
	ASSERT_EQ(dmashm_queue_create(given, 2, 101, 0, &q), -EEXIST);
	ASSERT_EQ(dmashm_queue_open(other, &q), -ENOENT);
	ASSERT_EQ(write(given_socket[0], "nothing", 7), 7);
	ASSERT_EQ(dmashm_receive(given_socket[1], &got), -EBADMSG);
	nothing_is_left(before);
}

static void lock_and_unlock(struct dmashm_buffer *buf)
{
	ASSERT_EQ(dmashm_lock(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
}

/*
 * A child joins anew: what it had is replaced, and what it has goes. Of a buffer
 * that it does not use it has fewer mappings than its parent.
 */
TEST(a_child_leaves_nothing_more)
{
	struct dmashm_buffer *kept;
	struct inventory before;
	pid_t pid;
	void *data;

	begin();
	kept = given;
	before = take_inventory();
	given = new_buffer(page_size());
	ASSERT_EQ(dmashm_map(given, PROT_READ, &data), 0);
	pid = start_child();
	if (!pid) {
		lock_and_unlock(kept);
		lock_and_unlock(given);
		dmashm_close(given);
		nothing_is_left(before);
		_exit(0);
	}
	wait_child(pid);
	dmashm_close(given);
	nothing_is_left(before);
}
