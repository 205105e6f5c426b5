// SPDX-License-Identifier: MIT
/*
 * What shared memory costs, beside what its users would take instead. Prints
 * rows as "barrier" does, with the size at the end of the operation and the
 * faults as the note; and for each exporter that this machine lacks: "absent",
 * its name, why.
 *
 * usage: memory instructions | microseconds
 */
#include <stdint.h>
#include <sys/mman.h>

#include "clock.h"
#include "cpus.h"
#include "die.h"
#include "exporter.h"
#include "figure.h"
#include "operation.h"
#include "vgem.h"

#define EXPORTERS	16
#define OPERATIONS	16

/* Rounds: the least that have a median, and what counts as few. */
#define LEAST		3
#define FEW		5

struct meter {
	const char *name, *unit;
	double (*clock)(void);
	double per_unit;
	unsigned int share;	/* of the rounds, in percent */
};

static const struct meter meters[] = {
	{ "instructions", "instructions", ticks, 1, 20 },
	{ "microseconds", "us", now, 1000, 100 },
};

static const struct {
	size_t size;
	const char *name;
	unsigned int rounds;
} sizes[] = {
	{ (size_t)4 << 10, "4 KiB", 51 },
	{ (size_t)64 << 10, "64 KiB", 51 },
	{ (size_t)1 << 20, "1 MiB", 35 },
	{ (size_t)4 << 20, "4 MiB", 25 },
	{ (size_t)64 << 20, "64 MiB", 7 },
	{ (size_t)256 << 20, "256 MiB", 3 },
};

static struct figure figures[EXPORTERS][OPERATIONS];
static struct figure faults[EXPORTERS][OPERATIONS];
static bool absent[EXPORTERS];

static void find_exporters(void)
{
	unsigned int n;

	for (n = 0; exporters[n].name; n++) {
		const char *why = exporter_open(&exporters[n]);

		absent[n] = why;
		if (why)
			printf("absent\t%s\t%s: %s\n", exporters[n].name,
			       exporters[n].device, why);
	}
}

static bool takes_part(const struct operation *operation,
		       const struct exporter *exporter)
{
	if (!operation->imports)
		return true;
	return exporter->is_dmabuf && vgem_open();
}

static enum role role(const struct operation *operation,
		      const struct exporter *exporter)
{
	/* It knows its own again, and does nothing more. */
	if (operation->imports && exporter->create == vgem_create)
		return REFERENCE;
	return exporter->role;
}

static void measure_one(const struct meter *meter, size_t size, unsigned int n,
			bool keep)
{
	struct piece piece = { .exporter = &exporters[n], .size = size };
	bool exists = false;
	unsigned int row;

	for (row = 0; operations[row].name; row++) {
		struct cost cost;

		if (!takes_part(&operations[row], &exporters[n]))
			continue;
		if (operations[row].on_existing && !exists) {
			piece_create(&piece, piece.exporter, size);
			piece_map(&piece, PROT_READ | PROT_WRITE);
			piece_write(&piece);
			piece_unmap(&piece);
			exists = true;
		}
		cost = operations[row].measure(&piece);
		if (!keep)
			continue;
		figure_add(&figures[n][row], cost.taken / meter->per_unit);
		figure_add(&faults[n][row], (double)cost.faults);
	}
	if (exists)
		piece_close(&piece);
}

static void print_all(const struct meter *meter, const char *size)
{
	char name[96], note[32];
	unsigned int n, row;

	for (row = 0; operations[row].name; row++) {
		snprintf(name, sizeof(name), "%s, %s", operations[row].name, size);
		for (n = 0; exporters[n].name; n++) {
			if (!figures[n][row].rounds)
				continue;
			snprintf(note, sizeof(note), "%.0f",
				 figure_median(&faults[n][row]));
			figure_print(&figures[n][row],
				     role(&operations[row], &exporters[n]),
				     exporters[n].name, name, meter->unit, note);
		}
	}
}

/* Round by round, each in turn, so that a disturbance hits all alike. */
static void measure_all(const struct meter *meter, size_t size, const char *name,
			unsigned int rounds)
{
	/* One more, for the caches; what takes long does not come from there. */
	unsigned int round = rounds < FEW, n;

	memset(figures, 0, sizeof(figures));
	memset(faults, 0, sizeof(faults));
	for (; round <= rounds; round++)
		for (n = 0; exporters[n].name; n++)
			if (!absent[n])
				measure_one(meter, size, n, round);
	print_all(meter, name);
}

int main(int argc, char **argv)
{
	const struct meter *meter = NULL;
	unsigned int n;

	for (n = 0; argc == 2 && n < sizeof(meters) / sizeof(meters[0]); n++)
		if (!strcmp(argv[1], meters[n].name))
			meter = &meters[n];
	if (!meter)
		die("usage: memory instructions | microseconds");
	find_exporters();
	operations_open(meter->clock);
	pin(0);
	for (n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		unsigned int rounds = sizes[n].rounds * meter->share / 100;

		measure_all(meter, sizes[n].size, sizes[n].name,
			    rounds < LEAST ? LEAST : rounds);
	}
	operations_close();
	return 0;
}
