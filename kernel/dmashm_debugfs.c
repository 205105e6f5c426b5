// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/dmashm: every buffer with all that has to do with it, and
 * what each user has. For people; docs/observing.md explains it. Times are
 * milliseconds, process ids as the reader's namespace has them (0: not in it).
 *
 * Where debugfs is not to be had nothing is shown, and nobody minds.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>

#include "dmashm_attachment.h"
#include "dmashm_buffer.h"
#include "dmashm_debugfs.h"
#include "dmashm_quota.h"
#include "dmashm_registry.h"
#include "dmashm_snapshot.h"
#include "dmashm_writer.h"

/* Folios of more than this, which there are none of, count as of this. */
#define DEBUGFS_ORDER_MAX 15

static struct dentry *debugfs_dir;

/*
 * One buffer
 */

/* Text of user space's: one line, whatever is in it. */
static void show_text(struct seq_file *m, const char *text)
{
	seq_escape_str(m, text, ESCAPE_NP | ESCAPE_OCTAL | ESCAPE_APPEND, "\\");
}

static void show_folios(struct seq_file *m, const struct dmashm_buffer *buffer)
{
	unsigned long count[DEBUGFS_ORDER_MAX + 1] = {};
	unsigned long i = 0;
	int order;

	while (i < buffer->nr_pages) {
		struct folio *folio = page_folio(buffer->pages[i]);

		count[min(folio_order(folio), DEBUGFS_ORDER_MAX + 0u)]++;
		i += folio_nr_pages(folio);
		cond_resched();
	}
	seq_puts(m, "  folios");
	for (order = DEBUGFS_ORDER_MAX; order >= 0; order--)
		if (count[order])
			seq_printf(m, " %lux%luK", count[order],
				   PAGE_SIZE / 1024 << order);
	seq_putc(m, '\n');
}

static void show_facts(struct seq_file *m, const struct dmashm_buffer *buffer)
{
	seq_printf(m, "buffer %llu\n  name ", buffer->id);
	show_text(m, buffer->name);
	seq_printf(m, "\n  size %zu\n", buffer->size);
	show_folios(m, buffer);
	seq_printf(m, "  sealed %s\n",
		   str_yes_no(dmashm_writers_sealed(&buffer->writers)));
	seq_printf(m, "  creator pid %d uid %u name ", pid_vnr(buffer->creator),
		   from_kuid_munged(seq_user_ns(m), buffer->quota->uid));
	show_text(m, buffer->creator_name);
	seq_printf(m, "\n  mappings %d\n  vmaps %u\n",
		   atomic_read(&buffer->vma_count),
		   READ_ONCE(buffer->vmap_count));
}

/*
 * Its barrier
 */

static void show_queue(struct seq_file *m, const char *mode,
		       const struct dmashm_snapshot_queue *queue)
{
	if (queue->count)
		seq_printf(m, " waits-%s %u for %llu ms", mode, queue->count,
			   div_u64(ktime_get_ns() - queue->since,
				   NSEC_PER_MSEC));
}

static void show_party(struct seq_file *m,
		       const struct dmashm_snapshot_party *party)
{
	if (party->drains)
		seq_puts(m, " holds-off");
	else if (party->exclusive)
		seq_puts(m, " holds-exclusive");
	if (party->shared)
		seq_printf(m, " holds-shared %u", party->shared);
	show_queue(m, "exclusive", &party->lockers[DMASHM_EXCLUSIVE]);
	show_queue(m, "shared", &party->lockers[DMASHM_SHARED]);
	if (party->waiters)
		seq_printf(m, " asleep %u on %#x", party->waiters,
			   party->offset);
	seq_putc(m, '\n');
}

static void show_barrier(struct seq_file *m,
			 const struct dmashm_snapshot *snapshot)
{
	const struct dmashm_snapshot_party *party;
	int slot;

	seq_printf(m, "  word %#x\n", snapshot->word);
	seq_puts(m, "  kernel");
	show_party(m, &snapshot->kernel);
	for (slot = 0; slot < DMASHM_CAPACITY; slot++) {
		party = &snapshot->members[slot];
		if (!party->id)
			continue;
		seq_printf(m, "  member %u pid %d slot %d", party->id,
			   pid_vnr(party->tgid), slot);
		show_party(m, party);
	}
	if (snapshot->strangers)
		seq_printf(m, "  left asleep %u\n", snapshot->strangers);
}

static void show_viewers(struct seq_file *m,
			 const struct dmashm_snapshot *snapshot)
{
	const struct dmashm_snapshot_viewer *viewer = snapshot->viewers;

	if (!snapshot->viewer_count && !snapshot->viewer_lockers &&
	    !snapshot->viewer_waiters)
		return;
	seq_printf(m, "  viewers %u waits-shared %u asleep %u\n",
		   snapshot->viewer_count, snapshot->viewer_lockers,
		   snapshot->viewer_waiters);
	for (; viewer < snapshot->viewers + DMASHM_SNAPSHOT_VIEWERS; viewer++) {
		if (!viewer->tgid)
			break;
		seq_printf(m, "  viewer pid %d", pid_vnr(viewer->tgid));
		if (viewer->leases)
			seq_printf(m, " holds-shared %u", viewer->leases);
		seq_puts(m, viewer->revoked ? " lost-it\n" : "\n");
	}
}

/*
 * All of them. The position in the file is the id of the buffer there, so that
 * those that come and go meanwhile change nothing for the others.
 */

static void *buffers_start(struct seq_file *m, loff_t *pos)
{
	return dmashm_registry_get(*pos);
}

static void *buffers_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct dmashm_buffer *buffer = v;

	*pos = buffer->id + 1;
	dmashm_buffer_put(buffer);
	return dmashm_registry_get(*pos);
}

static void buffers_stop(struct seq_file *m, void *v)
{
	if (v)
		dmashm_buffer_put(v);
}

static int buffers_show(struct seq_file *m, void *v)
{
	struct dmashm_snapshot *snapshot = m->private;
	struct dmashm_buffer *buffer = v;

	show_facts(m, buffer);
	dmashm_attachment_show(buffer, m);
	dmashm_snapshot_take(snapshot, &buffer->barrier);
	show_barrier(m, snapshot);
	show_viewers(m, snapshot);
	dmashm_snapshot_release(snapshot);
	return 0;
}

static const struct seq_operations buffers_ops = {
	.start = buffers_start,
	.next = buffers_next,
	.stop = buffers_stop,
	.show = buffers_show,
};

static int buffers_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &buffers_ops,
				sizeof(struct dmashm_snapshot));
}

static const struct file_operations buffers_fops = {
	.owner = THIS_MODULE,
	.open = buffers_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

/*
 * All users
 */

static int users_show(struct seq_file *m, void *v)
{
	dmashm_quota_show_users(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(users);

/**
 * dmashm_debugfs_create() - show it
 */
void dmashm_debugfs_create(void)
{
	debugfs_dir = debugfs_create_dir("dmashm", NULL);
	debugfs_create_file("buffers", 0400, debugfs_dir, NULL, &buffers_fops);
	debugfs_create_file("users", 0400, debugfs_dir, NULL, &users_fops);
}

/**
 * dmashm_debugfs_remove() - take it away, and wait for those who read
 */
void dmashm_debugfs_remove(void)
{
	debugfs_remove_recursive(debugfs_dir);
}
