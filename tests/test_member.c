// SPDX-License-Identifier: MIT
/* A member: its control pages, whom it belongs to, what it shows. */
#include "uapi.h"

TEST(facts_state_the_buffer)
{
	int fd = create(3 * page_size());
	const struct dmashm_facts *facts = map_facts(join(fd));
	struct dmashm_info info = { .dmabuf_fd = fd };

	ASSERT_EQ(ioctl(open_device(), DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(facts->magic, DMASHM_MAGIC);
	ASSERT_EQ(facts->abi, DMASHM_ABI);
	ASSERT_EQ(facts->size, 3 * page_size());
	ASSERT_EQ(facts->buffer_id, info.buffer_id);
	ASSERT_EQ(facts->capacity, DMASHM_CAPACITY);
	ASSERT_EQ(facts->attachments, 0);
}

TEST(facts_cannot_be_written)
{
	int member = join(create(1));
	void *facts;

	ASSERT_ERRNO((long)mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				MAP_SHARED, member, 0), EACCES);
	facts = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, member, 0);
	ASSERT(facts != MAP_FAILED);
	ASSERT_ERRNO(mprotect(facts, page_size(), PROT_READ | PROT_WRITE), EACCES);
}

TEST(words_start_as_zero)
{
	uint32_t *words = map_words(join(create(1)));
	size_t i;

	for (i = 0; i < page_size() / 4; i++)
		ASSERT_EQ(words[i], 0);
}

TEST(words_are_shared_by_all_members)
{
	int fd = create(1);
	uint32_t *a = map_words(join(fd)), *b = map_words(join(fd));

	store(&a[DMASHM_OFF_EVENT(3) / 4], 33);
	ASSERT_EQ(load(&b[DMASHM_OFF_EVENT(3) / 4]), 33);
}

TEST(control_mappings_are_one_page_each)
{
	size_t page = page_size();
	int member = join(create(1));

	ASSERT_ERRNO((long)mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, member, 0), EINVAL);
	ASSERT_ERRNO((long)mmap(NULL, page, PROT_READ, MAP_SHARED, member, 2 * (off_t)page), EINVAL);
	ASSERT_ERRNO((long)mmap(NULL, page, PROT_READ, MAP_PRIVATE, member, 0), EINVAL);
	ASSERT_ERRNO((long)mmap(NULL, page, PROT_READ, MAP_PRIVATE, member, (off_t)page), EINVAL);
}

TEST(control_mappings_cannot_grow)
{
	uint32_t *words = map_words(join(create(1)));

	ASSERT_ERRNO((long)mremap(words, page_size(), 2 * page_size(), MREMAP_MAYMOVE), EFAULT);
}

/* A child has neither the mapping nor the right to make one. */
TEST(a_member_is_not_inherited)
{
	int member = join(create(1));
	uint32_t *words = map_words(member);
	pid_t pid;
	int status;

	pid = start_child();
	if (!pid) {
		ASSERT_ERRNO((long)mmap(NULL, page_size(), PROT_READ, MAP_SHARED,
					member, (off_t)page_size()), EPERM);
		ASSERT_ERRNO(try_lock(member), EPERM);
		ASSERT_ERRNO(unlock(member), EPERM);
		ASSERT_ERRNO(recover(member), EPERM);
		_exit(0);
	}
	wait_child(pid);
	pid = start_child();
	if (!pid) {
		load(words);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(a_child_joins_for_itself)
{
	int member = join(create(1));
	pid_t pid = start_child();

	if (!pid) {
		uint32_t id;
		int own = join_by(member, &id);

		ASSERT_EQ(id, 2);
		ASSERT_EQ(try_lock(own), 0);
		ASSERT_EQ(unlock(own), 0);
		_exit(0);
	}
	wait_child(pid);
	members_are(member, 1);
}

TEST(the_buffer_lives_as_long_as_a_member)
{
	int fd = create(1), member = join(fd);
	char got[5];

	ASSERT_EQ(pwrite(member, "kept", 5, 0), 5);
	close(fd);
	ASSERT_EQ(pread(member, got, 5, 0), 5);
	ASSERT_EQ(strcmp(got, "kept"), 0);
}

/* What /proc says of a member of ours. */
static const char *fdinfo(int member)
{
	static char text[2048];
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", member);
	file = fopen(path, "r");
	ASSERT(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

TEST(fdinfo_says_what_the_member_holds)
{
	int fd = create(1), a = join(fd), b = join(fd);

	ASSERT(strstr(fdinfo(a), "dmashm-holds:\tnothing\n"));
	ASSERT_EQ(try_lock(a), 0);
	ASSERT(strstr(fdinfo(a), "dmashm-holds:\texclusive\n"));
	ASSERT(strstr(fdinfo(b), "dmashm-holds:\tnothing\n"));
	ASSERT_EQ(unlock(a), 0);
	ASSERT_EQ(try_lock_shared(a), 0);
	ASSERT_EQ(try_lock_shared(b), 0);
	ASSERT_EQ(try_lock_shared(b), 0);
	ASSERT(strstr(fdinfo(a), "dmashm-holds:\tshared 1\n"));
	ASSERT(strstr(fdinfo(b), "dmashm-holds:\tshared 2\n"));
}

TEST(fdinfo_says_what_a_viewer_holds)
{
	int viewer = join(export_view(create(1)));

	ASSERT(strstr(fdinfo(viewer), "dmashm-holds:\tnothing\n"));
	ASSERT_EQ(try_lock_shared(viewer), 0);
	ASSERT(strstr(fdinfo(viewer), "dmashm-holds:\tshared 1\n"));
}

/* One that has left holds nothing, though another has its slot now. */
TEST(fdinfo_of_one_that_has_left_says_nothing_of_others)
{
	int member = join(create(1)), ends[2], theirs, again, own;
	pid_t pid;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = start_child();
	if (!pid) {
		theirs = join_by(member, NULL);
		ASSERT_EQ(try_lock_shared(theirs), 0);
		send_fds(ends[1], theirs, theirs);
		pause();
	}
	receive_fds(ends[0], &theirs, &again);
	ASSERT(strstr(fdinfo(theirs), "dmashm-holds:\tshared 1\n"));
	kill_child(pid);
	ASSERT(strstr(fdinfo(theirs), "dmashm-holds:\tnothing\n"));
	own = join_by(member, NULL);
	ASSERT_EQ(try_lock_shared(own), 0);
	ASSERT(strstr(fdinfo(own), "dmashm-holds:\tshared 1\n"));
	ASSERT(strstr(fdinfo(theirs), "dmashm-holds:\tnothing\n"));
}

TEST(fdinfo_says_how_many_wait)
{
	int fd = create(1), member = join(fd), tries;
	pid_t pids[3];

	ASSERT(strstr(fdinfo(member), "dmashm-lockers:\t0\n"));
	ASSERT(strstr(fdinfo(member), "dmashm-waiters:\t0\n"));
	ASSERT(strstr(fdinfo(member), "dmashm-attachments:\t0\n"));
	ASSERT_EQ(try_lock(member), 0);
	for (tries = 0; tries < 3; tries++) {
		pids[tries] = start_child();
		if (pids[tries])
			continue;
		if (tries < 2)
			lock_until(join_by(member, NULL), DMASHM_NEVER);
		else
			wait_word(join_by(member, NULL), DMASHM_OFF_EVENT(0), 0,
				  DMASHM_NEVER);
		_exit(0);
	}
	for (tries = 0; tries < 500; tries++) {
		if (strstr(fdinfo(member), "dmashm-lockers:\t2\n") &&
		    strstr(fdinfo(member), "dmashm-waiters:\t1\n"))
			break;
		sleep_ms(10);
	}
	ASSERT(tries < 500);
	tries = 3;
	/* The last first: a death wakes all who sleep on words. */
	while (tries-- > 0)
		kill_child(pids[tries]);
	ASSERT(strstr(fdinfo(member), "dmashm-lockers:\t0\n"));
	ASSERT(strstr(fdinfo(member), "dmashm-waiters:\t0\n"));
}

TEST(fdinfo_describes_the_member)
{
	int member = join(create(2 * page_size()));
	char path[64], text[2048] = "", want[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", member);
	file = fopen(path, "r");
	ASSERT(file);
	ASSERT(fread(text, 1, sizeof(text) - 1, file) > 0);
	ASSERT(strstr(text, "dmashm-name:\ttest\n"));
	ASSERT(strstr(text, "dmashm-member:\t1\n"));
	snprintf(want, sizeof(want), "dmashm-owner:\t%d\n", getpid());
	ASSERT(strstr(text, want));
	snprintf(want, sizeof(want), "dmashm-size:\t%zu\n", 2 * page_size());
	ASSERT(strstr(text, want));
}
