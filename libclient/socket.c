// SPDX-License-Identifier: MIT
/*
 * A buffer over an AF_UNIX socket: one short message with two fds, the dma-buf
 * and a member to join from.
 *
 * The receiver trusts nothing that comes: any fds, any number of them, any
 * bytes. Whatever is not exactly such a message leaves no fd behind.
 */
#include "private.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SCM_SECURITY
#define SCM_SECURITY	0x03
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD	0x04
#endif

#define PAYLOAD_VERSION	1u

/* Sender and receiver share a machine: its own byte order. */
struct payload {
	uint32_t magic;
	uint32_t version;
};

static const struct payload payload = { DMASHM_MAGIC, PAYLOAD_VERSION };

/* The fds of a message, in their order. */
enum { DMABUF, MEMBER, FD_COUNT };

/* The most that one message can bring along (the kernel's SCM_MAX_FD). */
#define MAX_FDS		253

/* What SO_PASSSEC of the receiver adds is shorter. */
#define MAX_LABEL	256

/*
 * The kernel's order is credentials, label, pidfd, fds, or fds before the
 * pidfd. There is room for all, so that what is cut off tells of a surplus.
 */
union receive_control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(MAX_LABEL) +
		   CMSG_SPACE(sizeof(int)) + CMSG_SPACE(MAX_FDS * sizeof(int))];
};

union send_control {
	struct cmsghdr align;
	char space[CMSG_SPACE(FD_COUNT * sizeof(int))];
};

/* A message on its way in. */
struct parcel {
	struct payload payload;
	size_t length;		/* of the payload, so far */
	int fds[FD_COUNT];
	unsigned int fd_count;	/* all that came; those beyond are closed */
	bool bad;
};

static int socket_option(int sock, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return getsockopt(sock, SOL_SOCKET, name, value, &len) < 0 ? -errno : 0;
}

static void fill_control(const struct dmashm_buffer *buf, struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	int fds[FD_COUNT];

	fds[DMABUF] = buf->dmabuf_fd;
	fds[MEMBER] = buf->member_fd;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
}

static ssize_t send_restarted(int sock, const struct msghdr *msg)
{
	ssize_t sent;

	do {
		sent = sendmsg(sock, msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

/* The fds go with the first byte; a stream may take the rest separately. */
static int send_all(int sock, struct msghdr *msg)
{
	struct iovec *iov = msg->msg_iov;

	while (iov->iov_len) {
		ssize_t sent = send_restarted(sock, msg);

		if (sent < 0)
			return (int)sent;
		iov->iov_base = (char *)iov->iov_base + sent;
		iov->iov_len -= (size_t)sent;
		msg->msg_control = NULL;
		msg->msg_controllen = 0;
	}
	return 0;
}

int dmashm_send(struct dmashm_buffer *buf, int socket)
{
	union send_control control;
	struct payload out = payload;
	struct iovec iov = { .iov_base = &out, .iov_len = sizeof(out) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int domain, err;

	err = socket_option(socket, SO_DOMAIN, &domain);
	if (err)
		return err;
	/* Other kinds of socket would send the bytes and drop the fds. */
	if (domain != AF_UNIX)
		return -EAFNOSUPPORT;
	memset(&control, 0, sizeof(control));
	fill_control(buf, &msg);
	return send_all(socket, &msg);
}

static void take_fds(struct parcel *parcel, const struct cmsghdr *cmsg)
{
	size_t n, count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	const unsigned char *data = CMSG_DATA(cmsg);

	for (n = 0; n < count; n++) {
		int fd;

		memcpy(&fd, data + n * sizeof(fd), sizeof(fd));
		if (parcel->fd_count < FD_COUNT)
			parcel->fds[parcel->fd_count] = fd;
		else
			close(fd);
		parcel->fd_count++;
	}
}

static void drop_pidfd(const struct cmsghdr *cmsg)
{
	int fd;

	if (cmsg->cmsg_len < CMSG_LEN(sizeof(fd)))
		return;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	if (fd >= 0)
		close(fd);
}

/*
 * Who the sender is, comes because the receiver asked its socket for it: no
 * fault of the message. A pidfd has to be closed, though.
 */
static void take_control(struct parcel *parcel, const struct cmsghdr *cmsg)
{
	if (cmsg->cmsg_level != SOL_SOCKET) {
		parcel->bad = true;
		return;
	}
	switch (cmsg->cmsg_type) {
	case SCM_RIGHTS:
		take_fds(parcel, cmsg);
		break;
	case SCM_PIDFD:
		drop_pidfd(cmsg);
		break;
	case SCM_CREDENTIALS:
	case SCM_SECURITY:
		break;
	default:
		parcel->bad = true;
	}
}

/* Never asks for more than the message has: a stream may go on behind it. */
static ssize_t receive_part(int sock, struct parcel *parcel)
{
	union receive_control control;
	struct iovec iov = {
		.iov_base = (char *)&parcel->payload + parcel->length,
		.iov_len = sizeof(parcel->payload) - parcel->length,
	};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t got;

	do {
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		take_control(parcel, cmsg);
	if (msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC))
		parcel->bad = true;
	parcel->length += (size_t)got;
	return got;
}

/* Is what came so far the beginning of a message? */
static bool is_good(const struct parcel *parcel)
{
	return !parcel->bad && parcel->fd_count == FD_COUNT &&
	       !memcmp(&parcel->payload, &payload, parcel->length);
}

/* Only a stream can bring the rest later, or show its end as no bytes. */
static int receive_all(int sock, int type, struct parcel *parcel)
{
	ssize_t got = receive_part(sock, parcel);

	if (got < 0)
		return (int)got;
	if (!got && !parcel->fd_count && type != SOCK_DGRAM)
		return -EPIPE;
	while (type == SOCK_STREAM && got > 0 && is_good(parcel) &&
	       parcel->length < sizeof(parcel->payload))
		got = receive_part(sock, parcel);
	if (!is_good(parcel) || parcel->length != sizeof(parcel->payload))
		return -EBADMSG;
	return 0;
}

static void drop_fds(const struct parcel *parcel)
{
	unsigned int n;

	for (n = 0; n < FD_COUNT && n < parcel->fd_count; n++)
		close(parcel->fds[n]);
}

/* The fds are not what the message claims, or not of one buffer. */
static bool is_mismatch(int err)
{
	return err == -EXDEV || err == -ENOTTY || err == -EINVAL ||
	       err == -EBADF;
}

static int unpack(const struct parcel *parcel, struct dmashm_buffer **out)
{
	int err;

	err = dmashm_member_check(parcel->fds[MEMBER]);
	if (!err)
		err = dmashm_buffer_new(parcel->fds[DMABUF],
					parcel->fds[MEMBER], out);
	return is_mismatch(err) ? -EBADMSG : err;
}

int dmashm_receive(int socket, struct dmashm_buffer **out)
{
	struct parcel parcel = { .length = 0 };
	int type, err;

	if (!out)
		return -EINVAL;
	err = socket_option(socket, SO_TYPE, &type);
	if (err)
		return err;
	err = receive_all(socket, type, &parcel);
	if (!err)
		err = unpack(&parcel, out);
	if (err)
		drop_fds(&parcel);
	else
		close(parcel.fds[MEMBER]);
	return err;
}
