/* SPDX-License-Identifier: MIT */
/* The kernel's lock B, its queue Q of lockers, and whom it wakes. */

inline lock_B()
{
#ifdef GETS_IN
	tickets!me;
	tickets?[eval(me)]
#else
	!B -> B = true
#endif
}

inline unlock_B()
{
#ifdef GETS_IN
	tickets?_;
#else
	B = false;
#endif
	check()
}

inline wake_next()
{
	if
	:: len(Q) > 0 ->
		Q?<hs, h>;
		woken = woken | bit(h) | (hs -> shared_sleepers : 0)
	:: else
	fi
}

inline wake_drainers()
{
	woken = woken | drainers
}

#define may_enter (!impatient || Q?[_, eval(me)] || (!exclusive && Q?[1, _]))
#define queued Q??[_, eval(me)]

inline dequeue()
{
	if
	:: queued ->
		Q??_, eval(me);
		shared_sleepers = shared_sleepers & ~bit(me);
		impatient = impatient & ~bit(me);
#ifdef BOUNDED
		promises = promises & ~bit(me);
		budget[me] = 0;
#endif
	:: else
	fi
}

inline enqueue()
{
	if
	:: queued
	:: else ->
		Q!(exclusive -> 0 : 1), me;
		shared_sleepers = shared_sleepers | (exclusive -> 0 : bit(me))
	fi
}
