// SPDX-License-Identifier: MIT
#include "receiver.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "die.h"
#include "faults.h"

/* What is about to come. */
struct notice {
	const struct exporter *exporter;	/* the same in a child of fork() */
	size_t size;
};

static pid_t pid;
static int ours;
static double (*clock_of_all)(void);

static void receive(const struct notice *notice, int socket)
{
	struct receipt receipt;
	struct piece piece;
	double begin;
	long faults;

	piece_receive(&piece, notice->exporter, notice->size, socket);
	faults = faults_so_far();
	begin = clock_of_all();
	piece_map(&piece, PROT_READ);
	(void)*(volatile char *)piece.at;
	receipt.read_at = clock_of_all();
	piece_unmap(&piece);
	piece_close(&piece);
	receipt.paid = clock_of_all() - begin;
	receipt.faults = faults_so_far() - faults;
	if (write(socket, &receipt, sizeof(receipt)) != sizeof(receipt))
		die("no receipt");
}

static void receiver(int socket)
{
	struct notice notice;

	while (read(socket, &notice, sizeof(notice)) == sizeof(notice)) {
		if (write(socket, "", 1) != 1)
			die("nobody there");
		receive(&notice, socket);
	}
}

void receiver_start(double (*clock)(void))
{
	int sockets[2];

	clock_of_all = clock;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		die("no socket");
	pid = fork();
	if (pid < 0)
		die("no process");
	if (!pid) {
		close(sockets[0]);
		receiver(sockets[1]);
		_exit(0);
	}
	close(sockets[1]);
	ours = sockets[0];
}

void receiver_end(void)
{
	close(ours);
	waitpid(pid, NULL, 0);
}

int receiver_prepare(const struct piece *piece)
{
	struct notice notice = { piece->exporter, piece->size };
	char byte;

	if (write(ours, &notice, sizeof(notice)) != sizeof(notice) ||
	    read(ours, &byte, 1) != 1)
		die("the receiver is gone");
	return ours;
}

void receiver_wait(struct receipt *receipt)
{
	if (read(ours, receipt, sizeof(*receipt)) != sizeof(*receipt))
		die("the receiver is gone");
}
