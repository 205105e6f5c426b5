// SPDX-License-Identifier: MIT
#include "operation.h"

#include <sys/mman.h>

#include "die.h"
#include "faults.h"
#include "receiver.h"
#include "vgem.h"

static double (*the_clock)(void);

/* Between the two lies what is measured. */
static struct cost begin(void)
{
	struct cost cost = { .faults = faults_so_far() };

	cost.taken = the_clock();
	return cost;
}

static struct cost end(struct cost cost)
{
	cost.taken = the_clock() - cost.taken;
	cost.faults = faults_so_far() - cost.faults;
	return cost;
}

static struct cost create_close(struct piece *piece)
{
	struct cost cost = begin();

	piece_create(piece, piece->exporter, piece->size);
	piece_close(piece);
	return end(cost);
}

static struct cost whole_life(struct piece *piece,
			      void (*touch)(struct piece *piece))
{
	struct cost cost = begin();

	piece_create(piece, piece->exporter, piece->size);
	piece_map(piece, PROT_READ | PROT_WRITE);
	touch(piece);
	piece_unmap(piece);
	piece_close(piece);
	return end(cost);
}

static struct cost whole_life_writing(struct piece *piece)
{
	return whole_life(piece, piece_write);
}

static struct cost whole_life_reading(struct piece *piece)
{
	return whole_life(piece, piece_read);
}

static struct cost map_unmap(struct piece *piece,
			     void (*touch)(struct piece *piece))
{
	struct cost cost = begin();

	piece_map(piece, PROT_READ | PROT_WRITE);
	touch(piece);
	piece_unmap(piece);
	return end(cost);
}

static struct cost map_write_unmap(struct piece *piece)
{
	return map_unmap(piece, piece_write);
}

static struct cost map_read_unmap(struct piece *piece)
{
	return map_unmap(piece, piece_read);
}

static struct cost unmap(struct piece *piece)
{
	struct cost cost;

	piece_map(piece, PROT_READ | PROT_WRITE);
	piece_write(piece);
	cost = begin();
	piece_unmap(piece);
	return end(cost);
}

/* Until the other process has read the first byte. */
static struct cost pass(struct piece *piece)
{
	int socket = receiver_prepare(piece);
	struct cost cost = begin();
	struct receipt receipt;

	piece_send(piece, socket);
	receiver_wait(&receipt);
	cost.taken = receipt.read_at - cost.taken;
	cost.faults = receipt.faults;
	return cost;
}

static struct cost receive(struct piece *piece)
{
	struct receipt receipt;

	piece_send(piece, receiver_prepare(piece));
	receiver_wait(&receipt);
	return (struct cost){ receipt.paid, receipt.faults };
}

static struct cost import(struct piece *piece)
{
	int fd = piece->exporter->by_library ? dmashm_fd(piece->handle) :
					       piece->fd;
	struct cost cost = begin();

	vgem_import(fd);
	return end(cost);
}

const struct operation operations[] = {
	{ "create, close", false, false, create_close },
	{ "create, mmap, write, munmap, close", false, false,
	  whole_life_writing },
	{ "create, mmap, read, munmap, close", false, false,
	  whole_life_reading },
	{ "mmap, write, munmap", true, false, map_write_unmap },
	{ "mmap, read, munmap", true, false, map_read_unmap },
	{ "munmap of what was written", true, false, unmap },
	{ "pass the fd until the receiver has read a byte", true, false, pass },
	{ "receiver: mmap, read a byte, munmap, close", true, false, receive },
	{ "import into vgem and out again", true, true, import },
	{ 0 }
};

void operations_open(double (*clock)(void))
{
	the_clock = clock;
	receiver_start(clock);
}

void operations_close(void)
{
	receiver_end();
}
