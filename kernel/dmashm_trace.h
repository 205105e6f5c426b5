/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What can be traced; docs/observing.md explains it. Off, each costs one nop.
 * What is read for the fields is read only when the event is on.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dmashm

#if !defined(DMASHM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DMASHM_TRACE_H

#include <linux/tracepoint.h>

#include "dmashm_barrier.h"
#include "dmashm_range.h"

struct dmashm_buffer;
struct vm_fault;

DECLARE_EVENT_CLASS(dmashm_buffer,
		    TP_PROTO(const struct dmashm_buffer *buffer),
		    TP_ARGS(buffer),
		    TP_STRUCT__entry(__field(u64, buffer)
				     __field(u64, size)),
		    TP_fast_assign(__entry->buffer = buffer->id;
				   __entry->size = buffer->size;),
		    TP_printk("buffer=%llu size=%llu", __entry->buffer,
			      __entry->size));

DEFINE_EVENT(dmashm_buffer, dmashm_create,
	     TP_PROTO(const struct dmashm_buffer *buffer),
	     TP_ARGS(buffer));

DEFINE_EVENT(dmashm_buffer, dmashm_free,
	     TP_PROTO(const struct dmashm_buffer *buffer),
	     TP_ARGS(buffer));

TRACE_EVENT(dmashm_fault,
	    TP_PROTO(const struct dmashm_buffer *buffer,
		     const struct vm_fault *vmf),
	    TP_ARGS(buffer, vmf),
	    TP_STRUCT__entry(__field(u64, buffer)
			     __field(unsigned long, address)
			     __field(unsigned long, page)
			     __field(unsigned int, order)
			     __field(bool, write)),
	    TP_fast_assign(__entry->buffer = buffer->id;
			   __entry->address = vmf->address;
			   __entry->page = vmf->pgoff;
			   __entry->order = dmashm_buffer_order(buffer,
								vmf->pgoff);
			   __entry->write = vmf->flags & FAULT_FLAG_WRITE;),
	    TP_printk("buffer=%llu address=%#lx page=%lu order=%u %s",
		      __entry->buffer, __entry->address, __entry->page,
		      __entry->order, __entry->write ? "write" : "read"));

/* After a LOCK that had to sleep, got it or not. */
TRACE_EVENT(dmashm_lock_wait,
	    TP_PROTO(const struct dmashm_barrier *barrier,
		     const struct dmashm_locker *locker, int result),
	    TP_ARGS(barrier, locker, result),
	    TP_STRUCT__entry(__field(u64, buffer)
			     __field(u64, ns)
			     __field(u32, member)
			     __field(bool, shared)
			     __field(int, result)),
	    TP_fast_assign(__entry->buffer = dmashm_buffer_of(barrier)->id;
			   __entry->ns = ktime_get_ns() - locker->since;
			   __entry->member = dmashm_member_id(locker->member);
			   __entry->shared = locker->mode == DMASHM_SHARED;
			   __entry->result = result;),
	    TP_printk("buffer=%llu member=%u %s result=%d ns=%llu",
		      __entry->buffer, __entry->member,
		      __entry->shared ? "shared" : "exclusive",
		      __entry->result, __entry->ns));

/* The same, by who may only read, or reads by a call. */
TRACE_EVENT(dmashm_lease_wait,
	    TP_PROTO(const struct dmashm_barrier *barrier, u64 since,
		     int result),
	    TP_ARGS(barrier, since, result),
	    TP_STRUCT__entry(__field(u64, buffer)
			     __field(u64, ns)
			     __field(int, result)),
	    TP_fast_assign(__entry->buffer = dmashm_buffer_of(barrier)->id;
			   __entry->ns = ktime_get_ns() - since;
			   __entry->result = result;),
	    TP_printk("buffer=%llu result=%d ns=%llu", __entry->buffer,
		      __entry->result, __entry->ns));

/* After a WAKE. */
TRACE_EVENT(dmashm_wake,
	    TP_PROTO(const struct dmashm_barrier *barrier, u32 offset,
		     u32 count, unsigned int woken),
	    TP_ARGS(barrier, offset, count, woken),
	    TP_STRUCT__entry(__field(u64, buffer)
			     __field(u32, offset)
			     __field(u32, count)
			     __field(unsigned int, woken)),
	    TP_fast_assign(__entry->buffer = dmashm_buffer_of(barrier)->id;
			   __entry->offset = offset;
			   __entry->count = count;
			   __entry->woken = woken;),
	    TP_printk("buffer=%llu offset=%#x count=%u woken=%u",
		      __entry->buffer, __entry->offset, __entry->count,
		      __entry->woken));

/* A member has left, by death or otherwise, that still held the barrier. */
TRACE_EVENT(dmashm_recovery,
	    TP_PROTO(const struct dmashm_barrier *barrier, u32 member,
		     bool exclusive, u32 shared),
	    TP_ARGS(barrier, member, exclusive, shared),
	    TP_STRUCT__entry(__field(u64, buffer)
			     __field(u32, member)
			     __field(u32, shared)
			     __field(bool, exclusive)),
	    TP_fast_assign(__entry->buffer = dmashm_buffer_of(barrier)->id;
			   __entry->member = member;
			   __entry->shared = shared;
			   __entry->exclusive = exclusive;),
	    TP_printk("buffer=%llu member=%u exclusive=%d shared=%u",
		      __entry->buffer, __entry->member, __entry->exclusive,
		      __entry->shared));

/* After a RECOVER: the mark of a death is off, if the result is 0. */
TRACE_EVENT(dmashm_repair,
	    TP_PROTO(const struct dmashm_barrier *barrier,
		     const struct dmashm_member *member, int result),
	    TP_ARGS(barrier, member, result),
	    TP_STRUCT__entry(__field(u64, buffer)
			     __field(u32, member)
			     __field(int, result)),
	    TP_fast_assign(__entry->buffer = dmashm_buffer_of(barrier)->id;
			   __entry->member = dmashm_member_id(member);
			   __entry->result = result;),
	    TP_printk("buffer=%llu member=%u result=%d", __entry->buffer,
		      __entry->member, __entry->result));

/* Data goes to the CPU, or back to the devices that have it mapped. */
DECLARE_EVENT_CLASS(dmashm_sync,
		    TP_PROTO(const struct dmashm_buffer *buffer,
			     const struct dmashm_range *range,
			     unsigned int dir),
		    TP_ARGS(buffer, range, dir),
		    TP_STRUCT__entry(__field(u64, buffer)
				     __field(u64, offset)
				     __field(u64, length)
				     __field(unsigned int, dir)),
		    TP_fast_assign(__entry->buffer = buffer->id;
				   __entry->offset = range->start;
				   __entry->length = range->end - range->start;
				   __entry->dir = dir;),
		    TP_printk("buffer=%llu offset=%llu length=%llu %s",
			      __entry->buffer, __entry->offset,
			      __entry->length,
			      __print_symbolic(__entry->dir,
					       { DMA_BIDIRECTIONAL, "both" },
					       { DMA_TO_DEVICE, "write" },
					       { DMA_FROM_DEVICE, "read" })));

DEFINE_EVENT(dmashm_sync, dmashm_sync_begin,
	     TP_PROTO(const struct dmashm_buffer *buffer,
		      const struct dmashm_range *range, unsigned int dir),
	     TP_ARGS(buffer, range, dir));

DEFINE_EVENT(dmashm_sync, dmashm_sync_end,
	     TP_PROTO(const struct dmashm_buffer *buffer,
		      const struct dmashm_range *range, unsigned int dir),
	     TP_ARGS(buffer, range, dir));

#endif /* DMASHM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dmashm_trace
#include <trace/define_trace.h>
