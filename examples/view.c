// SPDX-License-Identifier: MIT
/*
 * A buffer shown to somebody who is not trusted: he gets a view, which he can
 * only read. He tries to write to it, and to keep the writer out. In the end the
 * writer seals the data: nobody, himself neither, can change it any more.
 */
#include <dmashm.h>
#include <errno.h>
#include <linux/dmashm.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int check(const char *what, int result)
{
	if (!result)
		return 0;
	fprintf(stderr, "view: %s: %s\n", what, strerror(-result));
	return 1;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The guest's side. Says what became of what he tried. */
static int guest(int socket)
{
	struct dmashm_buffer *buf;
	void *data, *writable;
	char byte;
	int err;

	if (check("receiving", dmashm_receive(socket, &buf)) ||
	    check("mapping", dmashm_map(buf, PROT_READ, &data)) ||
	    check("reading", dmashm_begin(buf, DMASHM_READ, DMASHM_NEVER)))
		return 1;
	printf("guest  reads: %s\n", (char *)data);
	if (check("end", dmashm_end(buf, DMASHM_READ)))
		return 1;
	err = dmashm_map(buf, PROT_READ | PROT_WRITE, &writable);
	printf("guest  maps it to write: %s\n", strerror(-err));
	err = mprotect(data, dmashm_size(buf), PROT_WRITE) ? -errno : 0;
	printf("guest  makes his mapping writable: %s\n", strerror(-err));
	err = dmashm_lock(buf);
	printf("guest  locks it for himself: %s\n", strerror(-err));
	if (check("reading", dmashm_begin(buf, DMASHM_READ, DMASHM_NEVER)))
		return 1;
	printf("guest  reads, and does not end\n");
	fflush(stdout);
	if (write(socket, "x", 1) != 1 || read(socket, &byte, 1) != 1)
		return 1;
	err = dmashm_end(buf, DMASHM_READ);
	printf("guest  ends: %s\n", strerror(-err));
	return err != -ESTALE;
}

static int write_text(struct dmashm_buffer *buf, const char *text)
{
	void *data;
	int err = dmashm_map(buf, PROT_READ | PROT_WRITE, &data);

	if (!err)
		err = dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER);
	if (err)
		return err;
	strcpy(data, text);
	err = dmashm_end(buf, DMASHM_WRITE);
	return err ? err : dmashm_unmap(buf, data);
}

static int owner(struct dmashm_buffer *buf, int socket)
{
	struct dmashm_buffer *view;
	double start;
	void *data;
	char byte;
	int err;

	if (check("writing", write_text(buf, "look, but do not touch")) ||
	    check("viewing", dmashm_view(buf, &view)) ||
	    check("sending", dmashm_send(view, socket)))
		return 1;
	dmashm_close(view);
	if (read(socket, &byte, 1) != 1)
		return 1;
	start = seconds();
	if (check("writing", write_text(buf, "changed meanwhile")))
		return 1;
	printf("owner  writes all the same, after %.2f s (a lease is %.2f s)\n",
	       seconds() - start, DMASHM_LEASE_NS / 1e9);
	fflush(stdout);
	if (write(socket, "x", 1) != 1)
		return 1;
	if (check("sealing", dmashm_seal(buf)))
		return 1;
	err = dmashm_map(buf, PROT_READ | PROT_WRITE, &data);
	printf("owner  seals it, and maps it to write: %s\n", strerror(-err));
	fflush(stdout);
	return err != -EPERM;
}

int main(void)
{
	struct dmashm_buffer *buf;
	int pair[2], status, failed;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	pid = fork();
	if (!pid) {
		close(pair[0]);
		return guest(pair[1]);
	}
	close(pair[1]);
	if (check("creating", dmashm_create(4096, "view", 0, &buf)))
		return 1;
	failed = owner(buf, pair[0]);
	dmashm_close(buf);
	close(pair[0]);
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	return failed || status;
}
