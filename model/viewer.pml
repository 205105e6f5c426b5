/* SPDX-License-Identifier: MIT */
/*
 * Viewers, for barrier.pml: who may only read, and is in by a lease. Each step
 * is the kernel's. To the other parties a lease is one of the kernel's readers.
 *
 * Once taken back it counts for nothing: what a viewer reads from then on it is
 * told to forget.
 */

#ifdef VIEWERS

#define STAY	8	/* what a viewer may do: never come out */

byte leases;		/* a mask of parties: had, and not taken back */
byte granted;		/* of these, handed to one that has not run yet */

#define leave_alone (!(W & KIND) && !kernel_holds)

/* R is a step of its own where W is not held by who does it. */
inline raise_lease(i)
{
	leases = leases | bit(i);
	kernel_readers++;
	R = R | KERNEL_INSIDE
}

inline lower_lease(i)
{
	leases = leases & ~bit(i);
	kernel_readers--;
	if
	:: kernel_readers == 0 ->
		R = R & ~KERNEL_INSIDE;
		wake_drainers()
	:: else
	fi
}

inline note_reader()
{
	assert(!inside_exclusive);
	inside_shared++
}

/* By who unlocks: W is still held, but nobody is inside. */
inline grant_leases()
{
#ifndef NO_GRANT
	n = 0;
	for (h : 0 .. PARTIES - 1) {
		if
		:: (tenants & bit(h)) && n < TENANTS && (member == 0 || !kernel_holds) ->
			n++;
			tenants = tenants & ~bit(h);
			woken = woken | bit(h);
			granted = granted | bit(h);
			raise_lease(h);
			note_reader()
		:: else
		fi
	}
	h = 0; n = 0
#else
	skip
#endif
}

/* Have a few try again, if W is free. */
inline call_tenants()
{
	n = 0;
	for (h : 0 .. PARTIES - 1) {
		if
		:: (tenants & bit(h)) && n < TENANTS && leave_alone ->
			n++;
			tenants = tenants & ~bit(h);
			woken = woken | bit(h)
		:: else
		fi
	}
	h = 0; n = 0
}

/* Their time is up. */
inline expire_leases()
{
	for (h : 0 .. PARTIES - 1) {
		if
		:: leases & bit(h) ->
			lower_lease(h);
			inside_shared--
		:: else
		fi
	}
	h = 0
}

inline start_viewer(i, rounds_of, can_do)
{
	run viewer(i, rounds_of, can_do)
}

proctype viewer(byte me; byte rounds; byte can)
{
	bool late, inside;

next:	atomic {
		late = false; inside = false;
		if
		:: rounds == 0 -> goto over
		:: else -> rounds = (rounds == FOREVER -> FOREVER : rounds - 1)
		fi
	}

K_lease:
	atomic { lock_B(); goto K_lease_try }

K_lease_try:	/* B is held until it sleeps, or to the end */
	atomic {
		if
		:: leave_alone && (W != published || (W & WAITERS)) ->
			d_step { W = published; wake_next(); call_tenants() }
		:: else
		fi
	}
K_lease_enter:
	atomic {
		if
		:: leave_alone
		:: else -> goto K_lease_busy
		fi
	}
	d_step { raise_lease(me) }
K_lease_look:
	atomic {
		if
#ifdef NO_SECOND_LOOK
		:: true ->
#else
		:: leave_alone ->
#endif
			note_reader();
			inside = true;
			goto K_lease_leave
#ifndef NO_SECOND_LOOK
		:: else -> d_step { lower_lease(me) } goto K_lease_busy
#endif
		fi
	}

K_lease_busy:
	atomic {
		if
		:: late -> goto K_lease_leave
		:: else
		fi;
		tenants = tenants | bit(me);
		queueing = queueing | bit(me)
	}

K_lease_mark:	/* in a free word too: who takes that hands the lease over */
	atomic {
		woken = woken & ~bit(me);
		if
		:: leave_alone ->
			W = W | WAITERS;
			pausing = pausing | bit(me);
			unlock_B();
			goto K_lease_pause
		:: else ->
			W = W | WAITERS;
			unlock_B();
			goto K_lease_sleep
		fi
	}

K_lease_pause:
	if
	:: atomic { true -> lock_B(); goto K_lease_woken }
	:: atomic { (can & GIVE_UP) -> late = true; lock_B(); goto K_lease_woken }
	fi;
K_lease_sleep:
	if
	:: atomic { (woken & bit(me)) -> lock_B(); goto K_lease_woken }
	:: atomic { (can & GIVE_UP) -> late = true; lock_B(); goto K_lease_woken }
	fi;
K_lease_woken:
	atomic {
		pausing = pausing & ~bit(me);
		if
		:: granted & bit(me) ->
			granted = granted & ~bit(me);
			inside = true;
			goto K_lease_leave
		:: else -> goto K_lease_try
		fi
	}

K_lease_leave:	/* sees to those behind it */
	atomic {
		if
		:: !(queueing & bit(me)) -> goto K_lease_left
		:: else ->
			queueing = queueing & ~bit(me);
			tenants = tenants & ~bit(me);
			woken = woken & ~bit(me);
#ifdef NO_LEASE_CHAIN
			goto K_lease_left
#else
			W = published
#endif
		fi
	}
#ifndef NO_LEASE_CHAIN
	atomic { d_step { call_tenants() } goto K_lease_left }
#endif
K_lease_left:
	atomic {
		unlock_B();
		if
		:: inside && (can & STAY) -> goto over
		:: inside && !(can & STAY)
		:: !inside -> goto next
		fi
	}

K_lease_unlock:
	atomic {
		lock_B();
		d_step {
			if
			:: leases & bit(me) -> inside_shared--; lower_lease(me)
			:: else		/* is told */
			fi;
			unlock_B()
		}
		goto next
	}
over:	finished = finished | bit(me)
}

#else

inline grant_leases() { skip }
inline call_tenants() { skip }

#endif
