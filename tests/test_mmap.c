// SPDX-License-Identifier: MIT
/* The data in address spaces: sharing, rights, bounds, faults. */
#include "memory.h"

TEST(two_mappings_show_each_others_writes)
{
	size_t size = 3 * page_size();
	int fd = create(size);
	uint8_t *a = map_data(fd, size), *b = map_data(fd, size);

	ASSERT(a != b);
	strcpy((char *)a, "asdf");
	ASSERT_EQ(strcmp((char *)b, "asdf"), 0);
	strcpy((char *)b + 2 * page_size(), "zxcv");
	ASSERT_EQ(strcmp((char *)a + 2 * page_size(), "zxcv"), 0);
}

/* One buffer, two processes, the second with fds from a socket only. */
TEST(two_processes_show_each_others_writes)
{
	size_t size = 4 * MIB;
	int pair[2], fd, member;
	uint8_t *data;
	uint32_t *words;
	pid_t pid;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = start_child();
	if (!pid) {
		struct dmashm_join arg = { .fd = -1 };

		close(pair[0]);
		receive_fds(pair[1], &fd, &member);
		data = map_data(fd, size);
		arg.dmabuf_fd = fd;
		ASSERT_EQ(ioctl(member, DMASHM_IOC_JOIN, &arg), 0);
		words = map_words(arg.fd);
		ASSERT_EQ(memcmp(data + size - 5, "asdf", 5), 0);
		memcpy(data, "qwer", 5);
		store(&words[DMASHM_OFF_EVENT(0) / 4], 1);
		ASSERT(wake_word(arg.fd, DMASHM_OFF_EVENT(0), 1) >= 0);
		_exit(0);
	}
	fd = create(size);
	data = map_data(fd, size);
	member = join(fd);
	words = map_words(member);
	memcpy(data + size - 5, "asdf", 5);
	send_fds(pair[0], fd, member);
	while (!load(&words[DMASHM_OFF_EVENT(0) / 4])) {
		if (wait_word(member, DMASHM_OFF_EVENT(0), 0, in_ms(20000)))
			ASSERT_EQ(errno, EAGAIN);
	}
	ASSERT_EQ(memcmp(data, "qwer", 5), 0);
	wait_child(pid);
}

TEST(private_mappings_are_refused)
{
	int fd = create(1);

	ASSERT_ERRNO((long)mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, fd, 0), EINVAL);
	ASSERT_ERRNO((long)mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE, fd, 0), EINVAL);
}

TEST(mappings_beyond_the_end_are_refused)
{
	size_t page = page_size();
	int fd = create(2 * page);

	ASSERT_ERRNO((long)mmap(NULL, 3 * page, PROT_READ, MAP_SHARED, fd, 0), EINVAL);
	ASSERT_ERRNO((long)mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 2 * (off_t)page), EINVAL);
	ASSERT_ERRNO((long)mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, (off_t)page), EINVAL);
	ASSERT((void *)mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page) != MAP_FAILED);
}

TEST(offsets_reach_their_page)
{
	size_t page = page_size(), i;
	int fd = create(600 * page);
	uint8_t *all = map_data(fd, 600 * page);

	for (i = 0; i < 600; i += 37) {
		uint8_t *one = mmap(NULL, page, PROT_READ | PROT_WRITE,
				    MAP_SHARED, fd, (off_t)(i * page));

		ASSERT(one != MAP_FAILED);
		*one = (uint8_t)(i + 1);
		ASSERT_EQ(all[i * page], (uint8_t)(i + 1));
		munmap(one, page);
	}
}

TEST(a_mapping_cannot_grow)
{
	size_t page = page_size();
	int fd = create(4 * page);
	void *data = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0);

	ASSERT(data != MAP_FAILED);
	ASSERT_ERRNO((long)mremap(data, 2 * page, 4 * page, MREMAP_MAYMOVE), EFAULT);
}

TEST(a_mapping_outlives_its_fd)
{
	size_t size = 2 * MIB;
	int fd = create(size);
	uint8_t *data = map_data(fd, size);

	close(fd);
	data[size - 1] = 7;
	ASSERT_EQ(data[size - 1], 7);
	munmap(data, size);
}

/* "dd" do not dump, "de" do not expand. */
TEST(mappings_are_neither_dumped_nor_expanded)
{
	int fd = create(1);
	void *data = map_data(fd, page_size());
	char line[512], start[32];
	FILE *smaps = fopen("/proc/self/smaps", "r");
	int found = 0;

	ASSERT(smaps);
	snprintf(start, sizeof(start), "%lx-", (unsigned long)data);
	while (fgets(line, sizeof(line), smaps)) {
		if (!strncmp(line, start, strlen(start)))
			found = 1;
		if (found && !strncmp(line, "VmFlags:", 8)) {
			ASSERT(strstr(line, " dd"));
			ASSERT(strstr(line, " de"));
			ASSERT(strstr(line, " sh"));
			return;
		}
	}
	FAIL("no VmFlags of the mapping");
}

TEST(children_share_the_mapping)
{
	int fd = create(1);
	uint8_t *data = map_data(fd, page_size());
	pid_t pid = start_child();

	if (!pid) {
		data[5] = 55;
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(data[5], 55);
}

/* Pages are referenced, not borrowed: a pipe keeps one after all is closed. */
TEST(a_page_in_a_pipe_outlives_the_buffer)
{
	size_t page = page_size();
	int fd = create(page), pipefd[2];
	char *data = (char *)map_data(fd, page), got[5];
	struct iovec iov = { data, 5 };

	strcpy(data, "kept");
	ASSERT_EQ(pipe(pipefd), 0);
	ASSERT_EQ(vmsplice(pipefd[1], &iov, 1, 0), 5);
	munmap(data, page);
	close(fd);
	fd = create(8 * MIB);	/* would take the page if it were free */
	memset(map_data(fd, 8 * MIB), 0xee, 8 * MIB);
	ASSERT_EQ(read(pipefd[0], got, 5), 5);
	ASSERT_EQ(strcmp(got, "kept"), 0);
}

/* Where address and offset agree the core maps 2 MiB at a time. */
TEST(aligned_mappings_take_few_faults)
{
	size_t size = 16 * MIB;
	uint8_t *data = map_skewed(create(size), size, 0);

	ASSERT(faults_of_writing(data, size) <= 16);
}

TEST(many_rounds_leave_nothing_behind)
{
	int round;

	for (round = 0; round < ktap_rounds(1000); round++) {
		size_t size = (size_t)(round % 7 + 1) * 300 * 1024;
		int fd = create(size);
		uint8_t *data = map_data(fd, size);

		data[0] = 1;
		data[size - 1] = 1;
		if (round % 2)
			close(fd);
		munmap(data, size);
		if (!(round % 2))
			close(fd);
	}
}
