// SPDX-License-Identifier: MIT
/*
 * libFuzzer over what the library does with words that every member can write to:
 * the barrier's, those of queues, those of slots. The bytes are a list of calls, by
 * two members of one buffer in this process, and of words that somebody hostile
 * changes between them. Every result is one that is documented, every frame lies in
 * the data, nothing runs without end, nothing is left behind.
 *
 * (What changes while a call runs is for tests/harness.)
 */
#include <dmashm.h>
#include <errno.h>
#include <linux/dmashm.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"
#include "pretend.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define CALLS_MAX	200	/* of one input */

/* A member, and its part in the queue. */
struct party {
	struct dmashm_buffer *buf;
	struct dmashm_queue *queue;
	bool produces;
	size_t frame_size;	/* as it was created; 0: opened */
};

static unsigned int sum;	/* so that frames are really read */

/* What locking and what brackets add to their own results. */
#define LOCK_ERRORS	-ETIMEDOUT, -EUSERS, -EOVERFLOW, -EPERM, -ESTALE
#define QUEUE_ERRORS	-EINVAL, -EPERM, -EBUSY, -ETIMEDOUT, -EPIPE, -EUSERS

static void join(struct party *party)
{
	int dmabuf = new_dmabuf(0), member = new_member(0);

	MUST(!dmashm_import(dmabuf, member, &party->buf));
	close(dmabuf);
	close(member);
}

/* Values that mean something to somebody, and any others. */
static uint32_t take_value(struct input *in)
{
	uint8_t kind = take_byte(in);

	switch (kind % 8) {
	case 0:
		return kind / 8;
	case 1:
		return UINT32_MAX - kind / 8;
	case 2:			/* a member's id, in what state ever */
		return DMASHM_HELD(kind / 8 % 4) | take_byte(in);
	case 3:
		return DMASHM_SLOT_DRAIN | kind / 8;
	case 4:			/* a role: consumer, producer or neither */
		return (uint32_t)(kind / 8 % 4) << DMASHM_ID_SHIFT | take_byte(in) % 4;
	case 5:
		return 0x646d7131;	/* what a queue's description begins with */
	case 6:
		return UINT32_C(1) << kind / 8;
	}
	return take_word(in);
}

/* Mostly where something is: the barrier, the map, the library's words, slots. */
static void scribble(struct input *in)
{
	uint8_t where = take_byte(in);
	uint32_t offset;

	switch (where % 4) {
	case 0:
		offset = where & 4 ? DMASHM_OFF_BARRIER :
				     DMASHM_OFF_READERS + (where & 8) / 2;
		break;
	case 1:
		offset = DMASHM_OFF_SLOT(where / 4 % 3) + where / 64 * 4u;
		break;
	default:
		offset = DMASHM_OFF_LIBRARY + take_byte(in) % 96 * 4u;
	}
	words_of(0)[offset / 4] = take_value(in);
}

/* Devices come and go, members leave, the module answers as it may. */
static void happen(struct input *in)
{
	static const int locks[] = {
		0, ETIMEDOUT, EUSERS, EOWNERDEAD, EOVERFLOW, EBUSY,
	};
	static const int waits[] = { 0, ETIMEDOUT, EUSERS, EAGAIN };
	static const int syncs[] = { 0, ENOMEM, EINVAL };
	struct dmashm_facts *facts = facts_of(0);
	uint8_t what = take_byte(in);

	switch (what % 6) {
	case 0:
		facts->attachments = what / 8 % 2;
		facts->arrivals += what & 64 ? 1 : 0;
		break;
	case 1:
		facts->departures++;
		break;
	case 2:
		answers.lock_error = locks[what / 6 % 6];
		break;
	case 3:
		answers.wait_error = waits[what / 6 % 4];
		break;
	case 4:
		answers.sync_error = syncs[what / 6 % 3];
		break;
	case 5:
		answers.mmap_fails = what / 6 % 3;
	}
}

static void must_be_a_frame(const void *data, size_t length)
{
	MUST((uintptr_t)data % (uintptr_t)sysconf(_SC_PAGESIZE) == 0);
	MUST(is_mapped(data, length));
}

static void open_queue(struct input *in, struct party *party)
{
	static const size_t sizes[] = { 1, 64, 4096, 4097, 8192, 1 << 20, SIZE_MAX };
	unsigned int count = take_byte(in) % 36, flags = take_byte(in) % 3;
	size_t size = sizes[take_byte(in) % 7];
	int mappings = count_mappings(), ret;

	if (party->queue)
		return;
	party->produces = flags < 2 && count;
	if (party->produces)
		ret = dmashm_queue_create(party->buf, count, size, flags,
					  &party->queue);
	else
		ret = dmashm_queue_open(party->buf, &party->queue);
	MUST_BE_ONE_OF(ret, 0, -EINVAL, -EBUSY, -EEXIST, -EPROTO, -ENOMEM, -ENOENT);
	MUST(!ret == !!party->queue);
	MUST(count_mappings() == mappings + !ret);
	party->frame_size = party->produces ? size : 0;
}

static void close_queue(struct party *party)
{
	dmashm_queue_close(party->queue);
	party->queue = NULL;
}

static void put_begin(struct party *party)
{
	void *data = NULL;
	int ret;

	if (!party->queue)
		return;
	ret = dmashm_queue_put_begin(party->queue, 0, &data);
	MUST_BE_ONE_OF(ret, 0, QUEUE_ERRORS, -EOVERFLOW, -ENOMEM);
	if (ret)
		return;
	must_be_a_frame(data, party->frame_size);
	memset(data, 0x55, party->frame_size);
}

static void put_end(struct party *party, uint8_t length)
{
	int ret;

	if (!party->queue)
		return;
	ret = dmashm_queue_put_end(party->queue, length * 40);
	MUST_BE_ONE_OF(ret, 0, -EINVAL, -EPERM, -EAGAIN, -EPROTO, -ENOMEM);
}

static void get_begin(struct party *party)
{
	struct dmashm_frame frame;
	size_t n;
	int ret;

	if (!party->queue)
		return;
	ret = dmashm_queue_get_begin(party->queue, 0, &frame);
	MUST_BE_ONE_OF(ret, 0, QUEUE_ERRORS, -EOWNERDEAD, -EPROTO, -EOVERFLOW,
		       -ENOMEM);
	if (ret)
		return;
	must_be_a_frame(frame.data, frame.length);
	for (n = 0; n < frame.length; n++)
		sum += ((const unsigned char *)frame.data)[n];
}

static void rest_of_queue(struct party *party, uint8_t what)
{
	int ret = 0;

	if (!party->queue)
		return;
	switch (what % 5) {
	case 0:
		ret = dmashm_queue_get_end(party->queue);
		break;
	case 1:
		ret = dmashm_queue_put_cancel(party->queue);
		break;
	case 2:
		ret = dmashm_queue_finish(party->queue);
		break;
	case 3:
		ret = dmashm_queue_await(party->queue, what / 5 % 4, 0);
		break;
	case 4:
		ret = dmashm_queue_arm(party->queue);
		break;
	}
	MUST_BE_ONE_OF(ret, 0, QUEUE_ERRORS, -EPROTO, -ENOMEM);
}

static void lock(struct party *party, uint8_t what)
{
	int ret = 0;

	switch (what % 8) {
	case 0:
		ret = dmashm_trylock(party->buf);
		break;
	case 1:
		ret = dmashm_timedlock(party->buf, 0);
		break;
	case 2:
		ret = dmashm_unlock(party->buf);
		break;
	case 3:
		ret = dmashm_trylock_shared(party->buf);
		break;
	case 4:
		ret = dmashm_timedlock_shared(party->buf, 0);
		break;
	case 5:
		ret = dmashm_unlock_shared(party->buf);
		break;
	case 6:
		ret = dmashm_recover(party->buf);
		break;
	case 7:
		(void)dmashm_departures(party->buf);
		break;
	}
	MUST_BE_ONE_OF(ret, 0, LOCK_ERRORS, -EBUSY, -EOWNERDEAD, -EPROTO);
}

static void bracket(struct input *in, struct party *party, uint8_t what)
{
	size_t offset = (size_t)take_byte(in) << take_byte(in) % 16;
	size_t length = (size_t)take_byte(in) << take_byte(in) % 60;
	unsigned int access = what / 4 % 8;
	int ret = 0;

	switch (what % 4) {
	case 0:
		ret = dmashm_begin(party->buf, access, 0);
		break;
	case 1:
		ret = dmashm_end(party->buf, access);
		break;
	case 2:
		ret = dmashm_begin_range(party->buf, access, offset, length, 0);
		break;
	case 3:
		ret = dmashm_end_range(party->buf, access, offset, length);
		break;
	}
	MUST_BE_ONE_OF(ret, 0, LOCK_ERRORS, -EBUSY, -EOWNERDEAD, -EPROTO, -EINVAL,
		       -ENOMEM);
}

static void event(struct input *in, struct party *party)
{
	unsigned int n = take_byte(in);
	uint32_t *word = dmashm_event(party->buf, n);
	int ret;

	MUST(!word == (n >= DMASHM_EVENT_COUNT));
	if (word)
		sum += (*word)++;
	ret = dmashm_wait(party->buf, n, take_byte(in), 0);
	MUST_BE_ONE_OF(ret, 0, -EINVAL, -ETIMEDOUT, -EUSERS);
	ret = dmashm_wake(party->buf, n, take_byte(in));
	MUST(ret >= 0 || ret == -EINVAL);
	ret = dmashm_arm(party->buf, n, 0, 0);
	MUST_BE_ONE_OF(ret, 0, -EINVAL);
}

static void call(struct input *in, struct party *parties)
{
	uint8_t what = take_byte(in);
	struct party *party = &parties[what & 1];

	what /= 2;
	switch (what % 12) {
	case 0: case 1: case 2:
		scribble(in);
		break;
	case 3:
		happen(in);
		break;
	case 4:
		open_queue(in, party);
		break;
	case 5:
		put_begin(party);
		break;
	case 6:
		put_end(party, take_byte(in));
		break;
	case 7:
		get_begin(party);
		break;
	case 8:
		rest_of_queue(party, take_byte(in));
		break;
	case 9:
		lock(party, take_byte(in));
		break;
	case 10:
		bracket(in, party, take_byte(in));
		break;
	case 11:
		if (what < 24)
			close_queue(party);
		else
			event(in, party);
		break;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	pretend_begin();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = { bytes, size };
	struct party parties[2] = { { .buf = NULL } };
	int n, mappings = count_mappings();

	pretend_forget();
	join(&parties[0]);
	join(&parties[1]);
	for (n = 0; n < CALLS_MAX && in.left; n++)
		call(&in, parties);
	for (n = 0; n < 2; n++) {
		close_queue(&parties[n]);
		dmashm_close(parties[n].buf);
	}
	MUST(count_mappings() == mappings);
	return 0;
}
