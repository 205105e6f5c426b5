/* SPDX-License-Identifier: MIT */
/* What is compared in "memory": where shared memory comes from, and how. */
#ifndef BENCH_EXPORTER_H
#define BENCH_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>

#include <dmashm.h>

#include "figure.h"

struct piece;

struct exporter {
	enum role role;
	const char *name;
	const char *device;	/* what has to be there */
	bool is_dmabuf;
	bool by_library;	/* dmashm's own calls instead of plain ones */
	size_t page;		/* sizes are rounded up to it */
	int (*create)(size_t size);	/* an fd; NULL where by_library */
};

/* Some memory of one exporter, as one process has it. */
struct piece {
	const struct exporter *exporter;
	size_t size;		/* what is touched */
	int fd;
	struct dmashm_buffer *handle;	/* where by_library */
	char *at;		/* where it is mapped */
};

/* Ends with one that has no name. */
extern const struct exporter exporters[];

/* Opens what the exporter needs. NULL, or why it is absent. */
const char *exporter_open(const struct exporter *exporter);

/* Each dies where it fails. */
void piece_create(struct piece *piece, const struct exporter *exporter,
		  size_t size);
void piece_map(struct piece *piece, int prot);
void piece_unmap(struct piece *piece);
void piece_close(struct piece *piece);

/* To another process, which knows the exporter and the size already. */
void piece_send(struct piece *piece, int socket);
void piece_receive(struct piece *piece, const struct exporter *exporter,
		   size_t size, int socket);

/* One byte of every page. */
void piece_write(struct piece *piece);
void piece_read(struct piece *piece);

#endif /* BENCH_EXPORTER_H */
