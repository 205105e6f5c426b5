// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members. The dma-buf core gives exporters neither an ioctl nor a close of
 * their own, so a process takes part through an fd of its own.
 *
 * A member leaves when its process is gone (dmashm_process.c), or when the
 * last reference to its file is. The close of one of several fds, or an exit
 * of a thread, changes nothing.
 *
 * The file must stay an anonymous inode: by that the library tells a member
 * from a file of some file system that would answer JOIN as it likes.
 */
#include <linux/anon_inodes.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>

#include "dmashm_buffer.h"
#include "dmashm_compat.h"
#include "dmashm_gfp.h"
#include "dmashm_ioctl.h"
#include "dmashm_lease.h"
#include "dmashm_member.h"
#include "dmashm_membership.h"
#include "dmashm_poller.h"
#include "dmashm_process.h"
#include "dmashm_snapshot.h"
#include "dmashm_waiter.h"

/* Whether the caller is the process that joined. */
static bool member_is_mine(const struct dmashm_member *member)
{
	return dmashm_process_is_mine(member->process);
}

/**
 * dmashm_member_leave() - a member takes no part any more
 * @member: may have left already
 *
 * Context: process, may sleep.
 */
void dmashm_member_leave(struct dmashm_member *member)
{
	dmashm_membership_end(&member->buffer->barrier, member);
}

/*
 * mmap of the control pages
 */

static vm_fault_t member_vma_fault(struct vm_fault *vmf)
{
	struct dmashm_member *member = vmf->vma->vm_private_data;

	return dmashm_control_fault(&member->buffer->control, vmf);
}

static const struct vm_operations_struct member_vm_ops = {
	.fault = member_vma_fault,
};

static int member_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct dmashm_member *member = file->private_data;
	int ret;

	if (!member_is_mine(member))
		return -EPERM;
	ret = dmashm_control_mmap(&member->buffer->control, vma);
	if (ret)
		return ret;
	vma->vm_private_data = member;	/* lives as long as vma->vm_file */
	vma->vm_ops = &member_vm_ops;
	return 0;
}

/*
 * ioctl
 */

static int member_check_offset(u32 offset)
{
	if (offset % sizeof(u32) || offset >= DMASHM_WORDS_SIZE)
		return -EINVAL;
	return 0;
}

static int member_ioctl_join(struct file *file, struct dmashm_call *call)
{
	return dmashm_ioctl_join(file->private_data, call);
}

static int member_ioctl_info(struct file *file, struct dmashm_call *call)
{
	return dmashm_ioctl_info(file->private_data, call);
}

static int member_ioctl_export(struct file *file, struct dmashm_call *call)
{
	return dmashm_ioctl_export(file->private_data, call);
}

static int member_ioctl_wait(struct file *file, struct dmashm_call *call)
{
	struct dmashm_member *member = file->private_data;
	struct dmashm_wait *wait = &call->arg.wait;
	int ret;

	if (wait->flags & ~DMASHM_WAIT_DEPARTURES ||
	    (!wait->flags && wait->departures))
		return -EINVAL;
	ret = member_check_offset(wait->offset);
	if (ret)
		return ret;
	return dmashm_waiter_wait(&member->buffer->barrier, member, wait,
				  dmashm_ioctl_deadline(wait->deadline));
}

static int member_ioctl_wake(struct file *file, struct dmashm_call *call)
{
	struct dmashm_member *member = file->private_data;
	struct dmashm_wake *wake = &call->arg.wake;
	int ret;

	if (wake->flags)
		return -EINVAL;
	ret = member_check_offset(wake->offset);
	if (ret)
		return ret;
	/* Who may only read cannot make itself heard. */
	if (member->viewer)
		return -EACCES;
	wake->woken = dmashm_waiter_wake(&member->buffer->barrier,
					 wake->offset, wake->count);
	return 0;
}

static int member_ioctl_arm(struct file *file, struct dmashm_call *call)
{
	struct dmashm_arm *arm = &call->arg.arm;
	int ret;

	if (arm->flags)
		return -EINVAL;
	ret = member_check_offset(arm->offset);
	if (!ret)
		dmashm_poller_arm(file->private_data, arm);
	return ret;
}

/* Shared it is, whoever asked for more has been refused. */
static int member_lock_viewer(struct dmashm_member *member,
			      const struct dmashm_lock *lock)
{
	struct dmashm_barrier *barrier = &member->buffer->barrier;

	if (lock->flags & DMASHM_LOCK_TRY)
		return dmashm_lease_trylock(barrier, &member->lease);
	return dmashm_lease_lock(barrier, &member->lease,
				 dmashm_ioctl_deadline(lock->deadline),
				 TASK_INTERRUPTIBLE);
}

static int member_ioctl_lock(struct file *file, struct dmashm_call *call)
{
	struct dmashm_member *member = file->private_data;
	struct dmashm_barrier *barrier = &member->buffer->barrier;
	struct dmashm_lock *lock = &call->arg.lock;
	enum dmashm_mode mode = lock->flags & DMASHM_LOCK_SHARED ?
				DMASHM_SHARED : DMASHM_EXCLUSIVE;

	if (lock->flags & ~(DMASHM_LOCK_TRY | DMASHM_LOCK_SHARED) || lock->pad)
		return -EINVAL;
	if (!member_is_mine(member))
		return -EPERM;
	if (member->viewer && mode == DMASHM_SHARED)
		return member_lock_viewer(member, lock);
	if (member->viewer)
		return -EACCES;
	if (lock->flags & DMASHM_LOCK_TRY)
		return dmashm_barrier_trylock(barrier, member, mode);
	return dmashm_barrier_lock(barrier, member, mode,
				   dmashm_ioctl_deadline(lock->deadline),
				   TASK_INTERRUPTIBLE);
}

static int member_ioctl_unlock(struct file *file, struct dmashm_call *call)
{
	struct dmashm_member *member = file->private_data;
	struct dmashm_unlock *unlock = &call->arg.unlock;
	enum dmashm_mode mode = unlock->flags & DMASHM_UNLOCK_SHARED ?
				DMASHM_SHARED : DMASHM_EXCLUSIVE;

	if (unlock->flags & ~DMASHM_UNLOCK_SHARED || unlock->pad)
		return -EINVAL;
	if (!member_is_mine(member))
		return -EPERM;
	if (member->viewer && mode == DMASHM_SHARED)
		return dmashm_lease_unlock(&member->buffer->barrier,
					   &member->lease);
	if (member->viewer)
		return -EACCES;
	return dmashm_barrier_unlock(&member->buffer->barrier, member, mode);
}

static int member_ioctl_recover(struct file *file, struct dmashm_call *call)
{
	struct dmashm_member *member = file->private_data;

	if (call->arg.unlock.flags || call->arg.unlock.pad)
		return -EINVAL;
	if (!member_is_mine(member))
		return -EPERM;
	if (member->viewer)
		return -EACCES;
	return dmashm_barrier_recover(&member->buffer->barrier, member);
}

static int member_ioctl_seal(struct file *file, struct dmashm_call *call)
{
	struct dmashm_member *member = file->private_data;
	struct dmashm_buffer *buffer = member->buffer;

	if (call->arg.seal.flags || call->arg.seal.pad)
		return -EINVAL;
	if (member->viewer)
		return -EACCES;
	/* Who was handed the right to write was not handed that of the rest. */
	if (buffer->creator != task_tgid(current))
		return -EPERM;
	return dmashm_writers_seal(buffer);
}

static int member_ioctl_sync(struct file *file, struct dmashm_call *call)
{
	return dmashm_member_sync(file->private_data, &call->arg.sync);
}

static const struct dmashm_ioctl member_ioctls[] = {
	{ DMASHM_IOC_JOIN, DMASHM_JOIN_V0, member_ioctl_join },
	{ DMASHM_IOC_INFO, DMASHM_INFO_V0, member_ioctl_info },
	{ DMASHM_IOC_WAIT, DMASHM_WAIT_V0, member_ioctl_wait },
	{ DMASHM_IOC_WAKE, DMASHM_WAKE_V0, member_ioctl_wake },
	{ DMASHM_IOC_LOCK, DMASHM_LOCK_V0, member_ioctl_lock },
	{ DMASHM_IOC_UNLOCK, DMASHM_UNLOCK_V0, member_ioctl_unlock },
	{ DMASHM_IOC_RECOVER, DMASHM_UNLOCK_V0, member_ioctl_recover },
	{ DMASHM_IOC_ARM, DMASHM_ARM_V0, member_ioctl_arm },
	{ DMASHM_IOC_EXPORT, DMASHM_EXPORT_V0, member_ioctl_export },
	{ DMASHM_IOC_SEAL, DMASHM_SEAL_V0, member_ioctl_seal },
	{ DMASHM_IOC_SYNC, DMASHM_SYNC_V0, member_ioctl_sync },
};

static long member_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return dmashm_ioctl(file, cmd, arg, member_ioctls,
			    ARRAY_SIZE(member_ioctls));
}

/*
 * The rest of the fd
 */

static void member_free(struct dmashm_member *member)
{
	dmashm_buffer_put(member->buffer);
	dmashm_process_put(member->process);
	put_pid(member->tgid);
	kfree(member);
}

/* Its process may end at the same time: of_process is what both look at. */
static void member_end(struct dmashm_member *member)
{
	mutex_lock(&member->process->lock);
	list_del(&member->of_process);
	mutex_unlock(&member->process->lock);
	dmashm_member_leave(member);
	member_free(member);
}

static int member_release(struct inode *inode, struct file *file)
{
	member_end(file->private_data);
	return 0;
}

static void member_show_holding(struct seq_file *m,
				const struct dmashm_member *member)
{
	struct dmashm_snapshot_party party;

	dmashm_snapshot_holding(&party, &member->buffer->barrier, member);
	seq_puts(m, "dmashm-holds:\t");
	if (party.drains)
		seq_puts(m, "exclusive, once readers are out\n");
	else if (party.exclusive)
		seq_puts(m, "exclusive\n");
	else if (party.shared)
		seq_printf(m, "shared %u\n", party.shared);
	else
		seq_puts(m, "nothing\n");
}

static void member_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct dmashm_member *member = file->private_data;
	struct dmashm_buffer *buffer = member->buffer;

	seq_printf(m, "dmashm-buffer:\t%llu\n", buffer->id);
	seq_puts(m, "dmashm-name:\t");
	seq_escape_str(m, buffer->name, ESCAPE_NP | ESCAPE_OCTAL, NULL);
	seq_printf(m, "\ndmashm-size:\t%zu\n", buffer->size);
	seq_printf(m, "dmashm-mode:\t%s\n", member->viewer ? "ro" : "rw");
	seq_printf(m, "dmashm-member:\t%u\n", member->id);
	seq_printf(m, "dmashm-slot:\t%u\n", member->slot);
	seq_printf(m, "dmashm-owner:\t%d\n", pid_vnr(member->tgid));
	seq_printf(m, "dmashm-word:\t%#x\n",
		   READ_ONCE(buffer->control.words[0]));
	member_show_holding(m, member);
	seq_printf(m, "dmashm-lockers:\t%u\n",
		   READ_ONCE(buffer->barrier.lockers.count));
	seq_printf(m, "dmashm-waiters:\t%u\n",
		   READ_ONCE(buffer->barrier.waiters.count));
	seq_printf(m, "dmashm-attachments:\t%u\n",
		   READ_ONCE(buffer->control.facts->attachments));
}

static const struct file_operations member_fops = {
	.owner = THIS_MODULE,
	.llseek = dmashm_member_llseek,
	.read_iter = dmashm_member_read_iter,
	.write_iter = dmashm_member_write_iter,
	.splice_read = copy_splice_read,
	.splice_write = iter_file_splice_write,
	.unlocked_ioctl = member_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = dmashm_poller_poll,
	.mmap = member_mmap,
	.release = member_release,
	.show_fdinfo = member_show_fdinfo,
};

static struct dmashm_member *member_create(struct dmashm_buffer *buffer,
					   bool viewer)
{
	struct dmashm_member *member;
	int ret;

	member = kzalloc(sizeof(*member), DMASHM_GFP);
	if (!member)
		return ERR_PTR(-ENOMEM);
	member->process = dmashm_process_get();
	if (IS_ERR(member->process)) {
		ret = PTR_ERR(member->process);
		goto free_member;
	}
	member->buffer = buffer;
	member->viewer = viewer;
	/* Who looks at the barrier finds the member from entering on. */
	member->tgid = get_pid(task_tgid(current));
	dmashm_poller_init(&member->poller);
	dmashm_lease_init(&member->lease, member);
	ret = dmashm_membership_begin(&buffer->barrier, member);
	if (ret)
		goto put_process;
	dmashm_buffer_ref(buffer);
	mutex_lock(&member->process->lock);
	list_add_tail(&member->of_process, &member->process->members);
	mutex_unlock(&member->process->lock);
	return member;

put_process:
	put_pid(member->tgid);
	dmashm_process_put(member->process);
free_member:
	kfree(member);
	return ERR_PTR(ret);
}

/**
 * dmashm_member_file() - make the calling process a member
 * @buffer: of which buffer; the member takes a reference of its own
 * @viewer: one that may only read
 * @join:   its id and slot are filled in
 *
 * Context: process, may sleep; takes mmap_lock.
 * Return: the file that is the member, owned by the caller; or an ERR_PTR:
 * -ENOMEM, -ERESTARTNOINTR, -EUSERS, -EOVERFLOW, -ENFILE.
 */
struct file *dmashm_member_file(struct dmashm_buffer *buffer, bool viewer,
				struct dmashm_join *join)
{
	struct dmashm_member *member;
	struct file *file;

	member = member_create(buffer, viewer);
	if (IS_ERR(member))
		return ERR_CAST(member);
	file = anon_inode_getfile("[dmashm]", &member_fops, member,
				  (viewer ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (IS_ERR(file)) {
		member_end(member);
		return file;
	}
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE | FMODE_NOWAIT;
	join->id = member->id;
	join->slot = member->slot;
	return file;
}
