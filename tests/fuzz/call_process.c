// SPDX-License-Identifier: MIT
/* Passing fds on, children, and ends of all kinds. */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "call.h"
#include "grammar.h"
#include "object.h"
#include "worker.h"

#define PASSED 3	/* fds in one message, at most */

/* What goes along with the fds. */
struct letter {
	struct object object[PASSED];
	uint32_t count;
};

struct envelope {
	struct letter letter;
	struct iovec vector;
	struct msghdr header;
	union {
		char bytes[CMSG_SPACE(PASSED * sizeof(int))];
		struct cmsghdr align;
	} control;
};

static struct msghdr *open_envelope(struct envelope *envelope)
{
	memset(envelope, 0, sizeof(*envelope));
	envelope->vector = (struct iovec){ &envelope->letter, sizeof(envelope->letter) };
	envelope->header = (struct msghdr){
		.msg_iov = &envelope->vector, .msg_iovlen = 1,
		.msg_control = envelope->control.bytes,
		.msg_controllen = sizeof(envelope->control.bytes),
	};
	return &envelope->header;
}

/* The test modules that are told what to do count on one caller at a time. */
static bool may_travel(const struct object *object)
{
	return object && object->kind != KIND_IMPORTER && object->kind != KIND_TESTER;
}

static long run_send(const struct call *call)
{
	unsigned int count = below(PASSED) + 1, to = below(me.legacy->workers), i;
	int fds[PASSED] = { -1, -1, -1 };
	struct envelope envelope;
	struct msghdr *header = open_envelope(&envelope);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);

	(void)call;
	for (i = 0; i < count; i++) {
		struct object *object = percent(50) ? object_of(KIND_DMABUF) :
				percent(50) ? object_of(KIND_MEMBER) : object_any();

		if (!may_travel(object))
			return CALL_NOTHING;
		envelope.letter.object[i] = *object;
		fds[i] = object->fd;
	}
	envelope.letter.count = count;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
	header->msg_controllen = CMSG_SPACE(count * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	note(" %u fds to %u", count, to);
	return call_result(sendmsg(me.legacy->post[to][1], header, MSG_DONTWAIT));
}

/* Less room than there are fds: the rest is closed on the way. */
static void receive_fds(struct envelope *envelope, struct cmsghdr *cmsg)
{
	unsigned int n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int), i;
	int fds[PASSED];

	memcpy(fds, CMSG_DATA(cmsg), n * sizeof(int));
	for (i = 0; i < n; i++) {
		const struct object *sent = &envelope->letter.object[i];
		struct object *object = object_add(fds[i], sent->kind);

		object->readonly = sent->readonly;
		object->view = sent->view;
		object->owner = sent->owner;
	}
}

static long run_receive(const struct call *call)
{
	struct envelope envelope;
	struct msghdr *header = open_envelope(&envelope);
	struct cmsghdr *cmsg;
	ssize_t got;

	(void)call;
	if (percent(10))
		header->msg_controllen = CMSG_SPACE(sizeof(int));
	got = recvmsg(me.legacy->post[me.number][0], header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(header);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		receive_fds(&envelope, cmsg);
	return got;
}

/*
 * The child makes some calls with what it was left, then goes in one of the ways
 * there are. Its parent waits, so one worker alone always does the same.
 */
static void be_child(uint64_t stream)
{
	static char *const nothing[] = { "true", NULL };
	unsigned int end = below(4);

	worker_child_run(below(12), stream);
	if (end == 0)
		raise(SIGKILL);
	/* Whose memory ends before its fds do, those that are kept over exec. */
	if (end == 1)
		execv("/bin/true", nothing);
	_exit(0);
}

static long run_fork(const struct call *call)
{
	uint64_t stream = random_next(&me.random);
	struct slot *slot = me.slot;
	int status;
	pid_t pid;

	(void)call;
	if (me.depth)
		return CALL_NOTHING;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		be_child(stream);
	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			fail("waitpid: errno %d", errno);
	slot->running = me.pid;
	slot->began = clock_ns();
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		fail("a child ended by signal %d", WTERMSIG(status));
	/* It may have failed, and said so. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2 && shared->failed)
		_exit(2);
	return 0;
}

/* A worker that ends is followed by another one. */
static long run_die(const struct call *call)
{
	if (me.depth)
		return CALL_NOTHING;
	worker_succeeded(call);
	__atomic_add_fetch(&me.slot->calls, 1, __ATOMIC_RELAXED);
	if (percent(50))
		raise(SIGKILL);
	_exit(3);
}

const struct call process_calls[] = {
	{ "send", 40, 0, ERRNO_LIST(EAGAIN, EBADF, ETOOMANYREFS), run_send, NULL },
	{ "receive", 45, 0, ERRNO_LIST(EAGAIN), run_receive, NULL },
	{ "fork", 8, 0, ERRNO_LIST(EAGAIN, ENOMEM), run_fork, NULL },
	{ "die", 2, CALL_RARE, NULL, run_die, NULL },
	{ 0 },
};
