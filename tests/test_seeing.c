// SPDX-License-Identifier: MIT
/* What root sees of each buffer in debugfs. */
#include <sched.h>
#include <stdarg.h>

#include "uapi.h"
#include "vgem.h"

#define BUFFERS "/sys/kernel/debug/dmashm/buffers"

static char seen[1 << 20];

/* All that the file says of one buffer; NULL if nothing. */
static const char *look(uint64_t id)
{
	static char section[65536];
	char head[64], *start, *end;
	FILE *file = fopen(BUFFERS, "r");

	ASSERT(file);
	seen[fread(seen, 1, sizeof(seen) - 1, file)] = '\0';
	fclose(file);
	snprintf(head, sizeof(head), "buffer %llu\n", (unsigned long long)id);
	for (start = seen; start; start = strstr(start + 1, head))
		if (!strncmp(start, head, strlen(head)) &&
		    (start == seen || start[-1] == '\n'))
			break;
	if (!start)
		return NULL;
	end = strstr(start, "\nbuffer ");
	snprintf(section, sizeof(section), "%.*s",
		 end ? (int)(end - start + 1) : (int)strlen(start), start);
	return section;
}

static uint64_t id_of(int fd)
{
	struct dmashm_info info = { .dmabuf_fd = fd };
	int device = open_device();

	ASSERT_EQ(ioctl(device, DMASHM_IOC_INFO, &info), 0);
	close(device);
	return info.buffer_id;
}

static bool says(uint64_t id, const char *text)
{
	const char *section = look(id);

	return section && strstr(section, text);
}

/* A line, or the beginning of one, that is there soon. */
__attribute__((format(printf, 2, 3)))
static void expect(uint64_t id, const char *format, ...)
{
	char text[512] = "\n  ";
	va_list args;
	int tries;

	va_start(args, format);
	vsnprintf(text + 3, sizeof(text) - 3, format, args);
	va_end(args);
	for (tries = 0; tries < 500; tries++) {
		if (says(id, text))
			return;
		sleep_ms(10);
	}
	dprintf(1, "# not said: %s\n", text + 3);
	for (text[0] = '\0', format = look(id); format && *format;) {
		const char *end = strchr(format, '\n');

		dprintf(1, "# %.*s\n", (int)(end - format), format);
		format = end + 1;
	}
	_exit(KTAP_FAIL);
}

static void expect_gone(uint64_t id)
{
	int tries;

	for (tries = 0; tries < 500 && look(id); tries++)
		sleep_ms(10);
	ASSERT(!look(id));
}

TEST(a_buffer_is_described)
{
	struct dmashm_create arg = { .size = 2 * MIB + 5, .name = "frames" };
	unsigned int count[3] = { 0 }, kib[3] = { 0 };
	const char *folios;
	uint64_t id;

	ASSERT_EQ(ioctl(open_device(), DMASHM_IOC_CREATE, &arg), 0);
	id = id_of(arg.fd);
	expect(id, "name frames\n");
	expect(id, "size %zu\n", 2 * MIB + page_size());
	expect(id, "creator pid %d uid 0 name test_seeing\n", getpid());
	expect(id, "mappings 0\n");
	expect(id, "vmaps 0\n");
	expect(id, "word 0x0\n");
	expect(id, "kernel\n");
	folios = strstr(look(id), "\n  folios ");
	ASSERT(sscanf(folios, " folios %ux%uK %ux%uK %ux%uK", &count[0], &kib[0],
		      &count[1], &kib[1], &count[2], &kib[2]) >= 2);
	ASSERT_EQ(count[0] * kib[0] + count[1] * kib[1] + count[2] * kib[2],
		  (2 * MIB + page_size()) / 1024);
	close(arg.fd);
	expect_gone(id);
}

TEST(text_of_users_stays_on_its_line)
{
	struct dmashm_create arg = { .size = 1, .name = "a\nbuffer 1\t\\\033[2J" };

	ASSERT_EQ(ioctl(open_device(), DMASHM_IOC_CREATE, &arg), 0);
	expect(id_of(arg.fd), "name a\\012buffer 1\\011\\134\\033[2J\n");
}

TEST(who_holds_it_is_seen)
{
	int fd = create(1), a = join(fd), b = join(fd);
	uint32_t *words = map_words(b);
	uint64_t id = id_of(fd);

	expect(id, "member 1 pid %d slot 0\n", getpid());
	expect(id, "member 2 pid %d slot 1\n", getpid());
	ASSERT_EQ(try_lock(a), 0);
	expect(id, "word %#x\n", DMASHM_HELD(1));
	expect(id, "member 1 pid %d slot 0 holds-exclusive\n", getpid());
	expect(id, "member 2 pid %d slot 1\n", getpid());
	ASSERT_EQ(unlock(a), 0);
	/* By the library's way, without the kernel. */
	store(words, DMASHM_HELD(2));
	expect(id, "member 2 pid %d slot 1 holds-exclusive\n", getpid());
	store(words, 0);
	ASSERT_EQ(try_lock_shared(a), 0);
	ASSERT_EQ(try_lock_shared(a), 0);
	ASSERT_EQ(try_lock_shared(b), 0);
	expect(id, "member 1 pid %d slot 0 holds-shared 2\n", getpid());
	expect(id, "member 2 pid %d slot 1 holds-shared 1\n", getpid());
	close(b);
	sleep_ms(20);
	ASSERT(says(id, "  member 1 "));
	close(a);
}

TEST(that_the_kernel_holds_it_is_seen)
{
	int fd = create(1), tester = open_tester(fd);
	uint64_t id = id_of(fd), deadline = in_ms(100);

	ASSERT_EQ(ioctl(tester, TESTER_IOC_LOCK, &deadline), 0);
	expect(id, "kernel holds-exclusive\n");
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_TRYLOCK_SHARED), 0);
	expect(id, "kernel holds-shared 1\n");
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK_SHARED), 0);
	expect(id, "kernel\n");
}

/* A child that joins and goes into a call that sleeps. */
static pid_t start_sleeper(int member, int (*sleep)(int member))
{
	pid_t pid = start_child();

	if (!pid)
		_exit(sleep(join_by(member, NULL)) != 0);
	return pid;
}

static int sleep_exclusive(int member)
{
	return lock_until(member, DMASHM_NEVER) || unlock(member);
}

static int sleep_shared(int member)
{
	return lock_shared_until(member, DMASHM_NEVER) || unlock_shared(member);
}

static int sleep_word(int member)
{
	return wait_word(member, DMASHM_OFF_EVENT(5), 0, DMASHM_NEVER);
}

TEST(who_waits_is_seen)
{
	int fd = create(1), member = join(fd);
	uint64_t id = id_of(fd);
	pid_t pids[3];
	unsigned int ms;

	ASSERT_EQ(try_lock(member), 0);
	pids[0] = start_sleeper(member, sleep_exclusive);
	expect(id, "member 2 pid %d slot 1 waits-exclusive 1 for ", pids[0]);
	pids[1] = start_sleeper(member, sleep_shared);
	expect(id, "member 3 pid %d slot 2 waits-shared 1 for ", pids[1]);
	pids[2] = start_sleeper(member, sleep_word);
	expect(id, "member 4 pid %d slot 3 asleep 1 on %#x\n", pids[2],
	       DMASHM_OFF_EVENT(5));
	sleep_ms(300);
	ASSERT(sscanf(strstr(look(id), "waits-exclusive 1 for"),
		      "waits-exclusive 1 for %u ms", &ms) == 1);
	ASSERT(ms >= 300 && ms < 30000);
	expect(id, "member 1 pid %d slot 0 holds-exclusive\n", getpid());
	/* First: a departure wakes all who sleep on words. */
	ASSERT_EQ(wake_word(member, DMASHM_OFF_EVENT(5), 1), 1);
	wait_child(pids[2]);
	ASSERT_EQ(unlock(member), 0);
	wait_child(pids[0]);
	wait_child(pids[1]);
	sleep_ms(20);
	ASSERT(!says(id, "waits-") && !says(id, "asleep"));
}

TEST(who_waits_for_readers_is_seen)
{
	int fd = create(1), member = join(fd);
	uint64_t id = id_of(fd);
	pid_t pid;

	ASSERT_EQ(try_lock_shared(member), 0);
	pid = start_sleeper(member, sleep_exclusive);
	expect(id, "member 2 pid %d slot 1 holds-off waits-exclusive 1 for ",
	       pid);
	expect(id, "member 1 pid %d slot 0 holds-shared 1\n", getpid());
	ASSERT_EQ(unlock_shared(member), 0);
	wait_child(pid);
}

TEST(that_the_kernel_waits_is_seen)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	uint64_t id = id_of(fd), deadline = in_ms(20000);
	pid_t pid;

	ASSERT_EQ(try_lock(member), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(ioctl(tester, TESTER_IOC_LOCK, &deadline), 0);
		ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
		_exit(0);
	}
	expect(id, "kernel waits-exclusive 1 for ");
	ASSERT_EQ(unlock(member), 0);
	wait_child(pid);
}

TEST(the_dead_are_seen_no_more)
{
	int fd = create(1), member = join(fd);
	uint64_t id = id_of(fd);
	pid_t pid = start_child();

	if (!pid) {
		ASSERT_EQ(try_lock(join_by(member, NULL)), 0);
		pause();
	}
	expect(id, "member 2 pid %d slot 1 holds-exclusive\n", pid);
	kill_child(pid);
	expect(id, "word %#x\n", DMASHM_DIED);
	ASSERT(!says(id, "  member 2 "));
}

/* Who sleeps on the fd of one that is gone. */
TEST(who_sleeps_for_the_dead_is_seen)
{
	int fd = create(1), member = join(fd), ends[2], theirs, again;
	uint64_t id = id_of(fd);
	pid_t owner, sleeper;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	owner = start_child();
	if (!owner) {
		theirs = join_by(member, NULL);
		send_fds(ends[1], theirs, theirs);
		pause();
	}
	receive_fds(ends[0], &theirs, &again);
	kill_child(owner);
	sleeper = start_child();
	if (!sleeper) {
		wait_word(theirs, DMASHM_OFF_EVENT(0), 0, DMASHM_NEVER);
		_exit(0);
	}
	expect(id, "left asleep 1\n");
	join_by(member, NULL);	/* takes its slot, and not its sleeper */
	expect(id, "member 3 pid %d slot 1\n", getpid());
	expect(id, "left asleep 1\n");
	kill_child(sleeper);
}

TEST(the_seal_is_seen)
{
	struct dmashm_seal arg = { 0 };
	int fd = create(1), member = join(fd);
	uint64_t id = id_of(fd);

	expect(id, "sealed no\n");
	ASSERT_EQ(ioctl(member, DMASHM_IOC_SEAL, &arg), 0);
	expect(id, "sealed yes\n");
}

/* Who may only read: in, beyond its time, asleep, gone. */
TEST(viewers_are_seen)
{
	int fd = create(1), member = join(fd), viewer = join(export_view(fd));
	uint64_t id = id_of(fd);
	pid_t pid;

	expect(id, "viewers 1 waits-shared 0 asleep 0\n");
	expect(id, "viewer pid %d\n", getpid());
	ASSERT_EQ(try_lock_shared(viewer), 0);
	expect(id, "viewer pid %d holds-shared 1\n", getpid());
	expect(id, "kernel\n");
	ASSERT_EQ(lock_until(member, in_ms(10000)), 0);
	expect(id, "viewer pid %d lost-it\n", getpid());
	ASSERT_ERRNO(unlock_shared(viewer), ESTALE);
	expect(id, "viewer pid %d\n", getpid());
	pid = start_child();
	if (!pid) {
		int own = join_by(viewer, NULL);

		ASSERT_EQ(lock_shared_until(own, DMASHM_NEVER), 0);
		ASSERT_EQ(unlock_shared(own), 0);
		wait_word(own, DMASHM_OFF_EVENT(0), 0, DMASHM_NEVER);
		pause();
	}
	expect(id, "viewers 2 waits-shared 1 asleep 0\n");
	ASSERT_EQ(unlock(member), 0);
	expect(id, "viewers 2 waits-shared 0 asleep 1\n");
	kill_child(pid);
	expect(id, "viewers 1 waits-shared 0 asleep 0\n");
	close(viewer);
	sleep_ms(20);
	ASSERT(!says(id, "viewer"));
}

TEST(devices_are_seen)
{
	int fd = create(MIB), vgem = open_vgem();
	uint64_t id = id_of(fd);
	uint32_t handle;

	ASSERT(!says(id, "attached") && !says(id, "mapped "));
	ASSERT_EQ(drmPrimeFDToHandle(vgem, fd, &handle), 0);
	expect(id, "attached vgem\n");
	expect(id, "mapped vgem both\n");
	ASSERT_EQ(drmCloseBufferHandle(vgem, handle), 0);
	sleep_ms(20);
	ASSERT(!says(id, "attached") && !says(id, "mapped "));
}

TEST(mappings_are_counted)
{
	size_t page = page_size();
	int fd = create(8 * page);
	uint64_t id = id_of(fd);
	uint8_t *data, *more;
	pid_t pid;

	data = map_data(fd, 8 * page);
	expect(id, "mappings 1\n");
	more = map_data(fd, page);
	expect(id, "mappings 2\n");
	pid = start_child();
	if (!pid)
		pause();
	expect(id, "mappings 4\n");
	kill_child(pid);
	expect(id, "mappings 2\n");
	munmap(data + 2 * page, page);	/* two are left of it */
	expect(id, "mappings 3\n");
	munmap(data, 8 * page);
	expect(id, "mappings 1\n");
	ASSERT(mremap(more, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, data) == data);
	expect(id, "mappings 1\n");
	ASSERT_ERRNO((long)mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0),
		     EINVAL);
	munmap(data, page);
	expect(id, "mappings 0\n");
}

TEST(only_root_sees_it)
{
	pid_t pid = start_child();

	if (!pid) {
		ASSERT_EQ(setresuid(1000, 1000, 1000), 0);
		ASSERT_ERRNO(open(BUFFERS, O_RDONLY), EACCES);
		_exit(0);
	}
	wait_child(pid);
	ASSERT_ERRNO(open(BUFFERS, O_WRONLY | O_APPEND) >= 0 ?
		     write(open(BUFFERS, O_WRONLY), "x", 1) : -1, EINVAL);
}

/* Who reads in a pid namespace of its own knows nobody outside. */
TEST(process_ids_are_the_readers)
{
	int fd = create(1);
	uint64_t id;
	pid_t pid;

	join(fd);
	id = id_of(fd);
	expect(id, "member 1 pid %d slot 0\n", getpid());
	ASSERT_EQ(unshare(CLONE_NEWPID), 0);
	pid = start_child();
	if (!pid) {
		expect(id, "creator pid 0 uid 0 ");
		expect(id, "member 1 pid 0 slot 0\n");
		join(fd);
		expect(id, "member 2 pid 1 slot 1\n");
		_exit(0);
	}
	wait_child(pid);
}

TEST(all_of_many_are_seen)
{
	int fds[400], i;
	uint64_t last;

	for (i = 0; i < 400; i++)
		fds[i] = create(1);
	last = id_of(fds[399]);
	ASSERT(look(last));
	for (i = 0; i < 400; i++) {
		char head[64];

		snprintf(head, sizeof(head), "buffer %llu\n",
			 (unsigned long long)last - (unsigned int)(399 - i));
		ASSERT(strstr(seen, head));
	}
	for (i = 0; i < 400; i += 2)
		close(fds[i]);
	ASSERT(look(last));
	ASSERT(!look(last - 1));
	ASSERT(look(last - 2));
}

/* All that comes and goes, until killed. */
static void come_and_go(int member)
{
	int vgem = open_vgem();

	for (;;) {
		int fd = create(64 * page_size()), own = join_by(member, NULL);
		uint8_t *data = map_data(fd, page_size());
		int other = join(fd);
		uint32_t handle;

		data[0] = 1;
		ASSERT_EQ(drmPrimeFDToHandle(vgem, fd, &handle), 0);
		lock_until(own, in_ms(3));
		wait_word(own, DMASHM_OFF_EVENT(1), 0, in_ms(1));
		unlock(own);
		close(fd);
		close(own);
		ASSERT_EQ(drmCloseBufferHandle(vgem, handle), 0);
		close(other);
		munmap(data, page_size());
	}
}

/* What is read while all comes and goes: whole, and no crash. */
TEST(it_may_be_read_at_any_time)
{
	int fd = create(1), member = join(fd), i;
	uint64_t id = id_of(fd), until = in_ms(5000);
	char small[7], first[7];
	pid_t pids[3];

	close(open_vgem());
	for (i = 0; i < 3; i++) {
		pids[i] = start_child();
		if (!pids[i])
			come_and_go(member);
	}
	while (now_ns() < until) {
		int file = open(BUFFERS, O_RDONLY);

		ASSERT(says(id, "\n  word "));
		ASSERT_EQ(pread(file, first, 7, 0), 7);
		ASSERT_EQ(memcmp(first, "buffer ", 7), 0);
		while (read(file, small, sizeof(small)) > 0)
			;
		close(file);
	}
	for (i = 0; i < 3; i++)
		kill_child(pids[i]);
	ASSERT(says(id, "\n  word "));
}

/* Whatever user space writes into the words, it is only printed. */
TEST(nonsense_in_the_words_does_no_harm)
{
	int fd = create(1), member = join(fd);
	uint32_t *words = map_words(member);
	uint64_t id = id_of(fd);
	unsigned int i, n;

	for (n = 0; n < 50; n++) {
		for (i = 0; i < page_size() / 4; i++)
			store(&words[i], n & 1 ? 0xffffffffu : i * 2654435761u + n);
		ASSERT(says(id, "  member 1 "));
	}
	expect(id, "member 1 pid %d slot 0 holds-shared %u\n", getpid(),
	       DMASHM_SLOT_COUNT);
}
