/* SPDX-License-Identifier: MIT */
/* What the protocol claims; the steps of barrier.pml call these as they go. */

/* What holds whenever nobody is inside the kernel. */
inline check()
{
	d_step {
#ifndef UNCHECKED
		if
		:: !B ->
#ifdef VIEWERS
			assert(len(Q) > 0 || queueing || !(W & WAITERS));
			/* Who unlocks must know of them. */
			assert(!tenants || (W & WAITERS));
			/* Asleep though W is free: one is on its way. */
			assert(!tenants || (W & KIND) || (queueing & ~tenants) ||
			       (pausing & tenants));
#else
			assert(len(Q) > 0 || !(W & WAITERS));
#endif
			assert((impatient > 0) == ((W & TURN) > 0));
			assert(kernel_holds == ((W & KIND) == KERNEL));
			/*
			 * The first of Q has been woken and has not looked yet, or
			 * W is held and says WAITERS. Or it is awake: it saw W free
			 * when it was about to sleep.
			 */
			if
			:: len(Q) > 0 && !(woken & bit(first)) ->
				assert(W & WAITERS);
				assert((W & KIND) || (pausing & bit(first)))
			:: else
			fi;
			assert(!(drainers & (drainers - 1)));
			assert(!drainers || (W & KIND));
			/* A drainer sleeps only while somebody is to wake it. */
			if
			:: drainers & ~woken ->
				n = 0;
				for (h : 1 .. MEMBERS) {
					if
					:: (S[h] & DRAIN) && (S[h] & COUNT) -> n = 1
					:: else
					fi
				}
				assert(n || kernel_readers)
			:: else
			fi
		:: else
		fi;
#endif
		h = 0; n = 0; hs = 0
	}
}

/* Once TURN is set for somebody, only those ahead of it in Q may own W first. */
inline note_promise()
{
#ifdef BOUNDED
	if
	:: (impatient & ~promises) & bit(me) ->
		promises = promises | bit(me);
		budget[me] = 0;
		n = 0;
		/* Turn the queue round once, counting until we meet ourselves. */
		for (h : 1 .. len(Q)) {
			if
			:: Q?[_, eval(me)] -> n = 1
			:: else -> budget[me] = budget[me] + 1 - n
			fi;
			Q?hs, turned; Q!hs, turned
		}
		h = 0; n = 0; hs = 0; turned = 0
	:: else
	fi
#else
	skip
#endif
}

inline note_owner()
{
	assert(!(W & DIED) == !mourning);
#ifdef BOUNDED
	for (h : 0 .. PARTIES - 1) {
		if
		:: (promises & bit(h)) && h != me ->
			assert(budget[h] > 0);
			budget[h]--
		:: else
		fi
	}
#endif
}

inline enter_exclusive()
{
	assert(!inside_exclusive && !inside_shared);
	inside_exclusive++;
	inside = EXCLUSIVE
}

inline enter_shared()
{
	assert(!inside_exclusive);
	assert(!(W & DIED) == !mourning);
	inside_shared++;
	inside = SHARED
}

inline go_outside()
{
	if
	:: inside == EXCLUSIVE -> inside_exclusive--
	:: inside == SHARED -> inside_shared--
	:: else
	fi;
	inside = 0
}
