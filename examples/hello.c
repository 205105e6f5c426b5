// SPDX-License-Identifier: MIT
/* One process writes into a buffer and hands it over, another reads it. */
#include <dmashm.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct dmashm_buffer *buf;
	int pair[2];
	void *text;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	if (!fork()) {
		if (dmashm_create(4096, "hello", 0, &buf) ||
		    dmashm_map(buf, PROT_READ | PROT_WRITE, &text) ||
		    dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER))
			return 1;
		strcpy(text, "hello through a dma-buf");
		return dmashm_end(buf, DMASHM_WRITE) || dmashm_send(buf, pair[0]);
	}
	close(pair[0]);		/* so that receiving ends if the writer fails */
	if (dmashm_receive(pair[1], &buf) ||
	    dmashm_map(buf, PROT_READ, &text) ||
	    dmashm_begin(buf, DMASHM_READ, DMASHM_NEVER))
		return 1;
	printf("received: %s\n", (char *)text);
	return dmashm_end(buf, DMASHM_READ) != 0;
}
