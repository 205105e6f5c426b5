// SPDX-License-Identifier: GPL-2.0-only
/*
 * All buffers, in the order of their ids. Who looks at one takes a reference
 * and lets the lock go: what is to be seen of a buffer is under locks of its
 * own, which may be held for as long as a device's sync takes.
 */
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>

#include "dmashm_buffer.h"
#include "dmashm_registry.h"

/* Nothing is taken or allocated under it. */
static DEFINE_MUTEX(registry_lock);
static LIST_HEAD(registry_list);	/* registry_lock */
static u64 registry_last_id;		/* registry_lock */

/**
 * dmashm_registry_add() - give a buffer its id, and show it
 * @buffer: otherwise complete
 *
 * Context: process, may sleep.
 */
void dmashm_registry_add(struct dmashm_buffer *buffer)
{
	mutex_lock(&registry_lock);
	buffer->id = ++registry_last_id;
	buffer->control.facts->buffer_id = buffer->id;
	list_add_tail(&buffer->registered, &registry_list);
	mutex_unlock(&registry_lock);
}

/**
 * dmashm_registry_remove() - show a buffer no more
 * @buffer: without a reference; from now on nobody finds it
 *
 * Context: process, may sleep.
 */
void dmashm_registry_remove(struct dmashm_buffer *buffer)
{
	mutex_lock(&registry_lock);
	list_del(&buffer->registered);
	mutex_unlock(&registry_lock);
}

/**
 * dmashm_registry_get() - find a buffer
 * @id: its id, or less
 *
 * Context: process, may sleep.
 * Return: the one with that id or else the next above it, with a reference;
 * NULL if there is none.
 */
struct dmashm_buffer *dmashm_registry_get(u64 id)
{
	struct dmashm_buffer *buffer, *found = NULL;

	mutex_lock(&registry_lock);
	list_for_each_entry(buffer, &registry_list, registered) {
		/* One without references is on its way out. */
		if (buffer->id >= id && kref_get_unless_zero(&buffer->ref)) {
			found = buffer;
			break;
		}
	}
	mutex_unlock(&registry_lock);
	return found;
}
