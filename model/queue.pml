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

/* The first, and if that is a reader, those directly behind it. */
inline wake_next()
{
	d_step {
		n = 0;
		for (h : 1 .. len(Q)) {	/* turns it round once */
			Q?hs, turned; Q!hs, turned;
			if
			:: n == 0 || (hs && n < BATCH) ->
				woken = woken | bit(turned);
				n = (hs -> n + 1 : BATCH)
			:: else -> n = BATCH
			fi
		}
		h = 0; n = 0; hs = 0; turned = 0
	}
}

inline wake_drainers()
{
	woken = woken | drainers
}

#define may_enter (!impatient || is_first || (!exclusive && Q?[1, _]))
#define excluded ((member == 0 && kernel_holds) || (exclusive && drainers))
#define is_first Q?[_, eval(me)]
#define queued Q??[_, eval(me)]

inline note_first()
{
	if
	:: len(Q) > 0 -> Q?<hs, first>
	:: else -> first = 0
	fi;
	hs = 0
}

inline dequeue()
{
	if
	:: queued ->
		Q??_, eval(me);
		note_first();
		impatient = impatient & ~bit(me);
		woken = woken & ~bit(me);
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
		note_first()
	fi
}
