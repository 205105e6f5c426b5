// SPDX-License-Identifier: MIT
/* Handing a buffer over: what a receiver takes, and what it refuses. */
#include <dmashm.h>

#include "uapi.h"

static struct dmashm_buffer *new_buffer(void)
{
	struct dmashm_buffer *buf;

	ASSERT_EQ(dmashm_create(2 * page_size(), "sent", 0, &buf), 0);
	return buf;
}

static int count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 512; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void make_pair(int type, int pair[2])
{
	ASSERT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
}

/* The receiver is another user, who may not even open the device. */
static void hand_over(int type)
{
	struct dmashm_buffer *buf;
	void *addr;
	int pair[2];
	pid_t pid;

	make_pair(type, pair);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(setuid(65534), 0);
		ASSERT_ERRNO(open(DMASHM_DEVICE, O_RDWR), EACCES);
		ASSERT_EQ(dmashm_receive(pair[1], &buf), 0);
		ASSERT_EQ(dmashm_size(buf), 2 * page_size());
		ASSERT_EQ(fcntl(dmashm_fd(buf), F_GETFD), FD_CLOEXEC);
		ASSERT_EQ(fcntl(dmashm_member_fd(buf), F_GETFD), FD_CLOEXEC);
		ASSERT_EQ(dmashm_map(buf, PROT_READ | PROT_WRITE, &addr), 0);
		ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, in_ms(20000)), 0);
		ASSERT_EQ(strcmp(addr, "asdf"), 0);
		strcpy(addr, "qwer");
		ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
		dmashm_close(buf);
		_exit(0);
	}
	buf = new_buffer();
	ASSERT_EQ(dmashm_map(buf, PROT_READ | PROT_WRITE, &addr), 0);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, 0), 0);
	strcpy(addr, "asdf");
	ASSERT_EQ(dmashm_send(buf, pair[0]), 0);
	ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
	wait_child(pid);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_READ, in_ms(1000)), 0);
	ASSERT_EQ(strcmp(addr, "qwer"), 0);
	ASSERT_EQ(dmashm_end(buf, DMASHM_READ), 0);
}

TEST(over_a_stream)
{
	hand_over(SOCK_STREAM);
}

TEST(over_packets)
{
	hand_over(SOCK_SEQPACKET);
}

TEST(over_datagrams)
{
	hand_over(SOCK_DGRAM);
}

TEST(several_in_a_row)
{
	struct dmashm_buffer *sent[5], *got;
	int pair[2], i, fds;

	make_pair(SOCK_STREAM, pair);
	for (i = 0; i < 5; i++) {
		sent[i] = new_buffer();
		ASSERT_EQ(dmashm_send(sent[i], pair[0]), 0);
	}
	ASSERT_EQ(write(pair[0], "more", 4), 4);
	fds = count_fds();
	for (i = 0; i < 5; i++) {
		struct dmashm_info a = { .dmabuf_fd = -1 }, b = a;

		ASSERT_EQ(dmashm_receive(pair[1], &got), 0);
		ASSERT_EQ(ioctl(dmashm_member_fd(got), DMASHM_IOC_INFO, &a), 0);
		ASSERT_EQ(ioctl(dmashm_member_fd(sent[i]), DMASHM_IOC_INFO, &b), 0);
		ASSERT_EQ(a.buffer_id, b.buffer_id);
		dmashm_close(got);
	}
	ASSERT_EQ(count_fds(), fds);
	/* What follows is not dmashm's and is left alone. */
	ASSERT_EQ(recv(pair[1], (char[8]){ 0 }, 8, MSG_DONTWAIT), 4);
}

TEST(the_other_end_closed)
{
	struct dmashm_buffer *buf = new_buffer(), *got = (void *)1;
	int pair[2];

	make_pair(SOCK_STREAM, pair);
	close(pair[0]);
	ASSERT_EQ(dmashm_receive(pair[1], &got), -EPIPE);
	ASSERT_EQ(dmashm_send(buf, pair[1]), -EPIPE);	/* and no SIGPIPE */
	ASSERT(got == (void *)1);
}

TEST(nothing_there_yet)
{
	struct dmashm_buffer *got;
	int pair[2];

	make_pair(SOCK_STREAM | SOCK_NONBLOCK, pair);
	ASSERT_EQ(dmashm_receive(pair[1], &got), -EAGAIN);
}

TEST(sockets_of_another_kind)
{
	struct dmashm_buffer *buf = new_buffer(), *got;
	int pipefd[2];

	ASSERT_EQ(pipe(pipefd), 0);
	ASSERT_EQ(dmashm_send(buf, pipefd[1]), -ENOTSOCK);
	ASSERT_EQ(dmashm_send(buf, -1), -EBADF);
	ASSERT_EQ(dmashm_receive(pipefd[0], &got), -ENOTSOCK);
	ASSERT_EQ(dmashm_send(buf, socket(AF_INET, SOCK_STREAM, 0)), -EAFNOSUPPORT);
}

/* A message as dmashm_send() makes it, for altering. */
struct message {
	char payload[64];
	size_t length;
};

static void learn_payload(struct message *message)
{
	struct dmashm_buffer *buf = new_buffer();
	char control[CMSG_SPACE(16 * sizeof(int))];
	struct iovec iov = { message->payload, sizeof(message->payload) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int pair[2], fds[2];
	ssize_t n;

	memset(message, 0, sizeof(*message));
	make_pair(SOCK_SEQPACKET, pair);
	ASSERT_EQ(dmashm_send(buf, pair[0]), 0);
	n = recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC);
	ASSERT(n > 0);
	message->length = (size_t)n;
	ASSERT(CMSG_FIRSTHDR(&msg));
	ASSERT_EQ(CMSG_FIRSTHDR(&msg)->cmsg_len, CMSG_LEN(sizeof(fds)));
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fds));
	close(fds[0]);
	close(fds[1]);
	close(pair[0]);
	close(pair[1]);
	dmashm_close(buf);
}

static void send_message(int socket, const char *payload, size_t length,
			 const int *fds, size_t count)
{
	static char control[CMSG_SPACE(253 * sizeof(int))];
	struct iovec iov = { (void *)(uintptr_t)payload, length };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, count * sizeof(int));
	}
	ASSERT_EQ(sendmsg(socket, &msg, 0), length);
}

/* Refused, with every fd that came closed again. */
static void refused(int type, const char *payload, size_t length,
		    const int *fds, size_t count)
{
	struct dmashm_buffer *got = (void *)1;
	int pair[2], before;

	make_pair(type, pair);
	before = count_fds();
	send_message(pair[0], payload, length, fds, count);
	shutdown(pair[0], SHUT_WR);
	ASSERT_EQ(dmashm_receive(pair[1], &got), -EBADMSG);
	ASSERT_EQ(count_fds(), before);
	ASSERT(got == (void *)1);
	close(pair[0]);
	close(pair[1]);
}

TEST(wrong_fds_are_refused)
{
	struct dmashm_buffer *a = new_buffer(), *b = new_buffer();
	int dmabuf = dmashm_fd(a), member = dmashm_member_fd(a);
	int other = dmashm_member_fd(b), plain = open("/proc/self/exe", O_RDONLY);
	struct message m;
	size_t i;
	const int cases[][3] = {
		{ dmabuf }, { member }, { member, dmabuf }, { dmabuf, dmabuf },
		{ member, member }, { dmabuf, other }, { dmabuf, plain },
		{ plain, member }, { plain, plain }, { dmabuf, member, plain },
		{ dmabuf, member, member },
	};
	const size_t counts[] = { 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3 };

	learn_payload(&m);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		refused(SOCK_STREAM, m.payload, m.length, cases[i], counts[i]);
		refused(SOCK_SEQPACKET, m.payload, m.length, cases[i], counts[i]);
	}
	refused(SOCK_STREAM, m.payload, m.length, NULL, 0);
}

TEST(a_flood_of_fds_is_closed)
{
	struct dmashm_buffer *buf = new_buffer();
	struct message m;
	int fds[253], i;

	learn_payload(&m);
	for (i = 0; i < 253; i++)
		fds[i] = i % 2 ? dmashm_member_fd(buf) : dmashm_fd(buf);
	refused(SOCK_STREAM, m.payload, m.length, fds, 253);
	refused(SOCK_DGRAM, m.payload, m.length, fds, 100);
}

TEST(wrong_payloads_are_refused)
{
	struct dmashm_buffer *buf = new_buffer();
	int fds[2] = { dmashm_fd(buf), dmashm_member_fd(buf) };
	struct message m;
	size_t i;

	learn_payload(&m);
	refused(SOCK_SEQPACKET, m.payload, m.length + 1, fds, 2);
	refused(SOCK_SEQPACKET, m.payload, m.length - 1, fds, 2);
	refused(SOCK_STREAM, m.payload, m.length - 1, fds, 2);
	refused(SOCK_STREAM, m.payload, 1, fds, 2);
	for (i = 0; i < m.length; i++) {
		m.payload[i] ^= 1;
		refused(SOCK_STREAM, m.payload, m.length, fds, 2);
		m.payload[i] ^= 1;
	}
}

TEST(a_child_hands_on_what_it_inherited)
{
	struct dmashm_buffer *buf = new_buffer(), *got;
	int pair[2];
	pid_t pid;

	make_pair(SOCK_STREAM, pair);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(dmashm_send(buf, pair[0]), 0);
		_exit(0);
	}
	wait_child(pid);
	ASSERT_EQ(dmashm_receive(pair[1], &got), 0);
	ASSERT_EQ(dmashm_lock(got), 0);
	ASSERT_EQ(dmashm_unlock(got), 0);
}
