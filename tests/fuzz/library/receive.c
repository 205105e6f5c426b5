// SPDX-License-Identifier: MIT
/*
 * libFuzzer over dmashm_receive(): the bytes say what kind of socket it is, what
 * comes in over it, how many fds there is room for, and what the module answers.
 * Whatever that is, the result is one of those that are documented, it is success
 * only for what dmashm_send() could have sent, and no fd, no mapping, no memory is
 * left behind.
 *
 *	kind of socket, options, room, end          a byte each
 *	answers of the module                       see take_answers()
 *	number of messages; of each:
 *	    payload: kind, length, bytes
 *	    number of fds, the kind of each; in how many control messages
 */
#define _GNU_SOURCE
#include <dmashm.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dmashm.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "input.h"
#include "pretend.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD	76
#endif

#define PAYLOAD		8	/* bytes that dmashm_send() sends */
#define FDS_MAX		253	/* of one message */
#define FD_TABLE	600	/* no fd of ours has a higher number */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What can be sent along. */
enum kind {
	DMABUF_0, MEMBER_0, DMABUF_1, MEMBER_1, MEMFD, PIPE, NULL_DEVICE, EVENT,
	EPOLL, DEAD_SOCKET, THE_SOCKET, DIRECTORY, PATH, KINDS
};

static int samples[KINDS];	/* but THE_SOCKET */
static char payload[PAYLOAD];

/* What was sent, as far as the result depends on it. */
struct sent {
	char bytes[PAYLOAD];	/* the first ones */
	size_t length;		/* of all */
	unsigned int messages;
	size_t first_length;
	unsigned int first_fds;
	unsigned int fds;	/* that come with the first bytes */
	uint8_t kinds[2];	/* of the first two */
};

/* One call for all of them: this is done twice for each input. */
static int count_fds(void)
{
	static struct pollfd fds[FD_TABLE];
	int fd, n = 0;

	for (fd = 0; fd < FD_TABLE; fd++)
		fds[fd].fd = fd;
	MUST(poll(fds, FD_TABLE, 0) >= 0);
	for (fd = 0; fd < FD_TABLE; fd++)
		n += !(fds[fd].revents & POLLNVAL);
	return n;
}

/*
 * What is sent
 */

static void learn_payload(void)
{
	struct dmashm_buffer *buf;
	int pair[2];

	MUST(!dmashm_import(samples[DMABUF_0], samples[MEMBER_0], &buf));
	MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	MUST(!dmashm_send(buf, pair[0]));
	MUST(read(pair[1], payload, sizeof(payload)) == sizeof(payload));
	dmashm_close(buf);
	close(pair[0]);
	close(pair[1]);
}

static void make_samples(void)
{
	int ends[2];

	samples[DMABUF_0] = new_dmabuf(0);
	samples[MEMBER_0] = new_member(0);
	samples[DMABUF_1] = new_dmabuf(1);
	samples[MEMBER_1] = new_member(1);
	samples[MEMFD] = memfd_create("plain", MFD_CLOEXEC);
	MUST(!pipe2(ends, O_CLOEXEC));
	samples[PIPE] = ends[0];
	samples[NULL_DEVICE] = open("/dev/null", O_RDWR | O_CLOEXEC);
	samples[EVENT] = eventfd(0, EFD_CLOEXEC);
	samples[EPOLL] = epoll_create1(EPOLL_CLOEXEC);
	MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	close(ends[1]);
	samples[DEAD_SOCKET] = ends[0];
	samples[DIRECTORY] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	samples[PATH] = open("/dev/null", O_PATH | O_CLOEXEC);
}

/* The payload as it should be, a part of it, more than it, or anything. */
static size_t take_payload(struct input *in, char *to, size_t room)
{
	uint8_t kind = take_byte(in) % 6;
	size_t length, n;

	memcpy(to, payload, PAYLOAD);
	switch (kind) {
	case 0:
		return PAYLOAD;
	case 1:
		return take_byte(in) % (PAYLOAD + 1);
	case 2:			/* the rest of one */
		length = take_byte(in) % (PAYLOAD + 1);
		memcpy(to, payload + PAYLOAD - length, length);
		return length;
	case 3:			/* one bit is wrong */
		n = take_byte(in) % (8 * PAYLOAD);
		to[n / 8] ^= (char)(1 << n % 8);
		return PAYLOAD;
	case 4:			/* more behind it */
		length = PAYLOAD + take_byte(in) % (room - PAYLOAD);
		memset(to + PAYLOAD, 'x', length - PAYLOAD);
		return length;
	}
	length = take_byte(in) % room;
	for (n = 0; n < length; n++)
		to[n] = (char)take_byte(in);
	return length;
}

static unsigned int take_fds(struct input *in, int the_socket, int *fds,
			     uint8_t *kinds)
{
	unsigned int count = take_byte(in), n;

	count = count < 0xf0 ? count % 6 : count + FDS_MAX - 0xff;
	for (n = 0; n < count; n++) {
		/* The right two for most of a flood. */
		kinds[n] = n < 6 ? take_byte(in) % KINDS : n % 2;
		fds[n] = kinds[n] == THE_SOCKET ? the_socket : samples[kinds[n]];
	}
	return count;
}

/* All of them in one control message, or half of them in each of two. */
static size_t fill_control(struct msghdr *msg, const int *fds, unsigned int count,
			   bool split)
{
	unsigned int parts = split && count > 1 ? 2 : 1, done = 0;
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	size_t used = 0;

	for (; parts; parts--) {
		unsigned int n = (count - done) / parts;

		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds + done, n * sizeof(int));
		used += CMSG_SPACE(n * sizeof(int));
		done += n;
		cmsg = (struct cmsghdr *)((char *)cmsg + CMSG_SPACE(n * sizeof(int)));
	}
	return used;
}

static void remember(struct sent *sent, const char *bytes, size_t length,
		     const uint8_t *kinds, unsigned int count)
{
	unsigned int n;

	if (!sent->messages++) {
		sent->first_length = length;
		sent->first_fds = count;
	}
	if (sent->length < PAYLOAD) {
		size_t room = PAYLOAD - sent->length;

		memcpy(sent->bytes + sent->length, bytes,
		       length < room ? length : room);
		for (n = 0; n < count; n++, sent->fds++)
			if (sent->fds < 2)
				sent->kinds[sent->fds] = kinds[n];
	}
	sent->length += length;
}

static void send_message(struct input *in, int type, const int pair[2],
			 struct sent *sent)
{
	static char control[CMSG_SPACE(FDS_MAX * sizeof(int)) + 64];
	static int fds[FDS_MAX];
	static uint8_t kinds[FDS_MAX];
	char bytes[64];
	struct iovec iov = { .iov_base = bytes };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	unsigned int count;

	iov.iov_len = take_payload(in, bytes, sizeof(bytes));
	count = take_fds(in, pair[1], fds, kinds);
	memset(control, 0, sizeof(control));
	msg.msg_controllen = count ?
		fill_control(&msg, fds, count, take_byte(in) & 1) : 0;
	/* A stream does not send what has no bytes. */
	if (sendmsg(pair[0], &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ||
	    (type == SOCK_STREAM && !iov.iov_len))
		return;
	/* Packets do not run together: only the first one matters. */
	if (type == SOCK_STREAM || !sent->messages)
		remember(sent, bytes, iov.iov_len, kinds, count);
}

/*
 * How it is received
 */

static void take_answers(struct input *in)
{
	static const int errors[] = {
		0, EACCES, EUSERS, EOVERFLOW, ENOMEM, EMFILE, ENFILE, EXDEV,
		EINVAL, EBADF, ENOTTY,
	};
	uint8_t what = take_byte(in);

	answers.join_error = errors[(what & 0xf) % (sizeof(errors) / sizeof(*errors))];
	if (what & 0x10)
		answers.mmap_fails = take_byte(in) % 8;
	if (what & 0x20) {
		answers.odd_member = true;
		answers.id = take_word(in);
		answers.slot = take_byte(in) & 1 ? DMASHM_NO_SLOT : take_byte(in);
	}
	if (what & 0x40) {
		answers.odd_facts = true;
		answers.facts = (struct dmashm_facts){
			.magic = take_byte(in) & 3 ? DMASHM_MAGIC : take_word(in),
			.abi = take_byte(in) & 3 ? DMASHM_ABI : take_word(in),
			.size = (uint64_t)take_word(in) << (take_byte(in) % 32),
		};
	}
}

/* Room for so many fds more; returns the limit that there was. */
static struct rlimit leave_room(int room)
{
	struct rlimit old, new;
	int fd;

	MUST(!getrlimit(RLIMIT_NOFILE, &old));
	for (fd = 0; room || fcntl(fd, F_GETFD) >= 0; fd++)
		room -= fcntl(fd, F_GETFD) < 0;
	new = old;
	new.rlim_cur = (rlim_t)fd;
	MUST(!setrlimit(RLIMIT_NOFILE, &new));
	return old;
}

static void set_options(int fd, uint8_t options)
{
	static const int names[] = { SO_PASSCRED, SO_PASSPIDFD, SO_PASSSEC };
	const int one = 1;
	int n;

	for (n = 0; n < 3; n++)
		if (options & 1 << n)
			(void)setsockopt(fd, SOL_SOCKET, names[n], &one, sizeof(one));
}

/* Could dmashm_send() have sent it, and is there all that receiving needs? */
static bool can_succeed(const struct sent *sent, int type, int room)
{
	uint32_t id = answers.odd_member ? answers.id : 1;
	uint32_t slot = answers.odd_member ? answers.slot : 0;

	if (sent->length < PAYLOAD || memcmp(sent->bytes, payload, PAYLOAD))
		return false;
	if (type != SOCK_STREAM && sent->length != PAYLOAD)
		return false;
	if (sent->fds != 2 ||
	    (sent->kinds[0] != DMABUF_0 && sent->kinds[0] != DMABUF_1) ||
	    sent->kinds[1] != sent->kinds[0] + 1)
		return false;
	if (room >= 0 && room < 3)	/* one more, to join */
		return false;
	if (answers.join_error || (answers.mmap_fails && answers.mmap_fails <= 3))
		return false;
	if (answers.odd_facts && (answers.facts.magic != DMASHM_MAGIC ||
				  answers.facts.abi != DMASHM_ABI))
		return false;
	return id ? id <= DMASHM_ID_MAX && slot < DMASHM_CAPACITY :
		    slot == DMASHM_NO_SLOT;
}

/* The handle is good for what handles are for. */
static void use(struct dmashm_buffer *buf, int socket)
{
	void *data;
	int ret;

	MUST(fcntl(dmashm_fd(buf), F_GETFD) == FD_CLOEXEC);
	MUST(fcntl(dmashm_member_fd(buf), F_GETFD) == FD_CLOEXEC);
	ret = dmashm_map(buf, PROT_READ, &data);
	MUST_BE_ONE_OF(ret, 0, -ENOMEM, -EINVAL);
	if (!ret)
		MUST(!dmashm_unmap(buf, data));
	ret = dmashm_trylock(buf);
	MUST_BE_ONE_OF(ret, 0, -EBUSY, -EOWNERDEAD, -EACCES);
	if (!ret)
		MUST(!dmashm_unlock(buf));
	ret = dmashm_send(buf, socket);
	MUST_BE_ONE_OF(ret, 0, -EPIPE, -EAGAIN, -ECONNRESET, -ECONNREFUSED,
		       -ENOTCONN);
	dmashm_close(buf);
}

static void receive(const int pair[2], int type, int room, const struct sent *sent,
		    bool whole)
{
	struct dmashm_buffer *const untouched = (void *)payload, *got = untouched;
	struct rlimit old;
	bool can = can_succeed(sent, type, room);
	int ret;

	if (room >= 0)
		old = leave_room(room);
	ret = dmashm_receive(pair[1], &got);
	if (room >= 0)
		MUST(!setrlimit(RLIMIT_NOFILE, &old));
	MUST_BE_ONE_OF(ret, 0, -EPIPE, -EBADMSG, -EAGAIN, -EACCES, -EUSERS,
		       -EOVERFLOW, -ENOMEM, -EMFILE, -ENFILE, -EPROTO,
		       -ECONNRESET);
	MUST((ret == 0) == (got != untouched));
	MUST(ret || can);
	/* Whether a stream gives what began without fds is for the kernel. */
	if (can && whole && sent->first_fds == 2)
		MUST(!ret);
	/* Cut short, whatever did arrive. */
	if (room >= 0 && sent->first_fds > (unsigned int)room && sent->first_length)
		MUST(ret == -EBADMSG);
	if (ret == -EPIPE)
		MUST(type != SOCK_DGRAM && (!sent->messages || !sent->length));
	if (!ret)
		use(got, pair[1]);
}

/* Something that is no connection of AF_UNIX. */
static void receive_elsewhere(uint8_t what)
{
	struct dmashm_buffer *got;
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = -1, ret;

	switch (what % 5) {
	case 0:
		fd = dup(samples[PIPE]);
		break;
	case 1:
		fd = socket(AF_INET, SOCK_STREAM, 0);
		break;
	case 2:
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		break;
	case 3:
		fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		MUST(fd >= 0);
		MUST(!bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)));
		MUST(!listen(fd, 1));
		break;
	}
	ret = dmashm_receive(fd, &got);
	MUST_BE_ONE_OF(ret, -EBADF, -ENOTSOCK, -EINVAL, -ENOTCONN);
	close(fd);
}

static void one(struct input *in)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	uint8_t kind = take_byte(in), options = take_byte(in);
	uint8_t room = take_byte(in), end = take_byte(in);
	struct sent sent = { .length = 0 };
	int type = types[kind % 3], pair[2], messages;

	if (kind >= 0xf8) {
		receive_elsewhere(kind);
		return;
	}
	take_answers(in);
	if (!facts_of(0))
		pretend_forget();	/* a true module answers as it likes */
	MUST(!socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	set_options(pair[1], options);
	for (messages = take_byte(in) % 4; messages; messages--)
		send_message(in, type, pair, &sent);
	if (end & 1)
		MUST(!shutdown(pair[0], SHUT_WR) || type == SOCK_DGRAM);
	if (end & 2)
		close(pair[0]);
	receive(pair, type, room & 0x80 ? room % 8 : -1, &sent,
		!(room & 0x80 && options & 2));
	if (!(end & 2))
		close(pair[0]);
	close(pair[1]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	pretend_begin();
	pretend_forget();
	make_samples();
	learn_payload();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = { bytes, size };
	int fds, mappings;

	pretend_forget();
	fds = count_fds();
	mappings = count_mappings();
	one(&in);
	MUST(count_fds() == fds);
	MUST(count_mappings() == mappings);
	return 0;
}
