/* SPDX-License-Identifier: MIT */
/*
 * The barrier's protocol, for spin. model/check includes this file into one
 * configuration after the other: who takes part, what they do, what may go
 * wrong. The names of the steps (X1, K_try, ...) are those that the comments of
 * the code use.
 *
 * A step is one access to a word that user space can change: W, R, a slot.
 * Whatever else a step does concerns only what the kernel's lock B guards, which
 * nobody else can see meanwhile. A compare-and-exchange that is tried until it
 * succeeds is one step: the failed rounds change nothing. A load that is
 * repeated until it shows something is one step too: it is the last load, made
 * late. So what is not shown here is that retries are bounded; who scribbles on
 * the words is not modelled at all.
 *
 * What a run to exhaustion without an error shows:
 *  - the assertions: who is inside, what DIED says, and check();
 *  - no invalid end state: when nothing can move any more, all are done, so
 *    nobody sleeps for ever;
 *  - no cycle (pan -l with no progress label, where everyone does a bounded
 *    number of rounds): every run is finite, whatever the scheduler does, so
 *    with the former: everybody gets in, in every run. This covers livelocks;
 *  - GETS_IN, where the others never stop: the last party gets in, if the
 *    scheduler is weakly fair and B is handed out in order.
 */

#include "words.pml"
#include "claims.pml"
#include "queue.pml"
#include "viewer.pml"

/* Take one off the own slot, in the kernel. */
inline lower_slot()
{
	if
	:: member == 0 ->
		kernel_readers--;
		if
		:: kernel_readers == 0 ->
			R = R & ~KERNEL_INSIDE;
#ifndef NO_DRAIN_WAKE
			wake_drainers()
#endif
		:: else
		fi
	:: else ->
		S[member]--;
		if
		:: !(S[member] & COUNT) ->
			S[member] = 0;
#ifndef NO_DRAIN_WAKE
			wake_drainers()
#endif
		:: (S[member] & COUNT) && !drainers ->
			S[member] = S[member] & ~DRAIN
		:: else
		fi
	fi
}

#define mortal	((can & MORTAL) && (deaths > 0 || (dying & bit(member))))

inline kill()
{
	if
	:: dying & bit(member)
	:: else -> dying = dying | bit(member); deaths--
	fi
}

/* Does it leave every transition to the kernel? */
#define in_kernel (member == 0 || (ops & DIRECT))

/* SIGKILL may come before any step of user space. */
#define MAY_DIE	:: d_step { mortal -> kill() } goto dead

inline start_party(i, of_member, ops_of, rounds_of, can_do)
{
	threads[of_member]++;
	living = living | bit(of_member);
	run party(i, of_member, ops_of, rounds_of, can_do)
}

proctype party(byte me; byte member; byte ops; byte rounds; byte can)
{
	bool exclusive, once, slow, again, any;
	bool sure;	/* W is promised: the next try succeeds */
	bool late;	/* gives up, after one more try */
	byte seen, inside, m;	/* seen: X2; in the kernel: slots seen empty */
#ifdef NO_FENCE
	bool delayed;	/* the own increment is still in a store buffer, of one entry */
#endif

next:
	atomic {
		exclusive = false; once = false; slow = false; again = false;
		any = false; sure = false; late = false; seen = 0; m = 0
	}
	if
	:: rounds == 0 -> goto finish
	:: rounds && (ops & EXCLUSIVE) -> exclusive = true
	:: rounds && (ops & TRY_EXCLUSIVE) -> exclusive = true; once = true
	:: rounds && (ops & SHARED)
	:: rounds && (ops & TRY_SHARED) -> once = true
	fi;
	rounds = (rounds == FOREVER -> FOREVER : rounds - 1);
	if
	:: in_kernel -> goto K_lock
	:: !in_kernel && exclusive -> goto X1
	:: !in_kernel && !exclusive -> goto S_peek
	fi;

	/*
	 * User space, exclusive
	 */
#ifdef NO_FENCE_EXCLUSIVE
X1:	/* The loads of X2 and X3 are made before the store of X1 is seen. */
	if
	MAY_DIE
	:: d_step {
		seen = 0;
		for (h : 1 .. MEMBERS) {
			seen = seen | ((S[h] & COUNT) -> bit(h) : 0)
		}
		seen = seen | (R & KERNEL_INSIDE);
		h = 0
	   }
	fi;
	if
#else
X1:	if
#endif
	MAY_DIE
	:: atomic { !(W & KIND) && !promised ->
		d_step {
			note_owner();
			W = held(member) | (W & (DIED | WAITERS | TURN));
			check()
		}
		goto X2 }
	:: atomic { (W & KIND) || promised ->
		if
		:: once -> goto next
		:: else -> goto K_lock
		fi }
	fi;

X2:	if
	MAY_DIE
	:: atomic { true ->
#ifndef NO_FENCE_EXCLUSIVE
		seen = R;
#endif
		if
		:: seen == 0 -> enter_exclusive(); goto inside_user
		:: seen & KERNEL_INSIDE -> slow = !once; goto U1
		:: else -> m = 1; goto X3
		fi }
	fi;

X3:	if
	MAY_DIE
	:: atomic { true ->
		do
		:: m <= MEMBERS && !(seen & bit(m)) -> m++
		:: else -> break
		od;
		if
		:: m > MEMBERS -> m = 0; seen = 0; enter_exclusive(); goto inside_user
#ifdef NO_FENCE_EXCLUSIVE
		:: m <= MEMBERS -> m = 0; seen = 0; slow = !once; goto U1
#else
		:: m <= MEMBERS && (S[m] & COUNT) -> m = 0; seen = 0; slow = !once; goto U1
		:: m <= MEMBERS && !(S[m] & COUNT) -> m++; goto X3
#endif
		fi }
	fi;

inside_user:
	if
	:: (W & DIED) && (can & RECOVER) -> goto U0
	:: else -> goto U1
	fi;

U0:	/* recover */
	if
	MAY_DIE
	:: d_step { member && inside == EXCLUSIVE ->
		W = W & ~DIED;
		mourning = false }
	:: d_step { member == 0 && !B -> W = W & ~DIED; mourning = false }
	fi;

U1:	if
	MAY_DIE
	:: in_kernel -> goto K_unlock
	:: atomic { !in_kernel && !(W & (WAITERS | TURN)) ->
		d_step {
			go_outside();
			W = W & DIED;
			check()
		}
		goto unlocked }
	:: !in_kernel && (W & (WAITERS | TURN)) -> goto K_unlock
	fi;

unlocked:
	if
	:: slow -> slow = false; goto K_lock
	:: else -> goto next
	fi;

	/*
	 * User space, shared
	 */
S_peek:	/*
	 * Who sees that it cannot get in does not raise its count at all: so those
	 * who keep asking do not keep the owner of W waiting.
	 */
	if
	MAY_DIE
#ifdef NO_PEEK
	:: true
#else
	:: !(W & KIND) && !promised
	:: (W & KIND) || promised ->
		if
		:: once -> goto next
		:: else -> goto K_lock
		fi
#endif
	fi;

S0:	if
	MAY_DIE
	:: !(R & bit(member)) -> R = R | bit(member)
	:: R & bit(member)
	fi;

S1:	if
	MAY_DIE
	:: S[member]++
#ifdef NO_FENCE
	:: delayed = true
#endif
	fi;

S2:	if
	MAY_DIE
	:: atomic { !(W & KIND) && !promised -> enter_shared(); goto D1 }
	:: atomic { (W & KIND) || promised -> slow = !once; goto D1 }
	fi;

D1:
#ifdef NO_FENCE
	if
	:: delayed -> delayed = false; S[member]++
	:: else
	fi;
#endif
	if
	MAY_DIE
	:: in_kernel -> goto K_unlock_shared
	:: atomic { !in_kernel && !drained ->
		d_step {
			go_outside();
			S[member]--;
			check()
		}
		goto unlocked }
	:: !in_kernel && drained -> goto K_unlock_shared
	fi;

	/*
	 * The kernel: LOCK
	 */
K_lock:	if
	MAY_DIE
	:: atomic { true -> lock_B(); goto K_try }
	fi;

K_try:	/* B is held from here to K_sleep or K_pause, or to the end */
	atomic {
		assert((W & KIND) != USER || (living & bit(W >> ID_SHIFT)));
		if
		:: !excluded && !(W & KIND) && W != published ->
			/* Settles a free word's marks. That is a step of its own. */
			d_step { W = published; wake_next(); call_tenants() }
		:: else -> goto K_claim
		fi
	}
	skip;
K_claim:
	atomic {
		if
		:: (W & KIND) || !may_enter || excluded -> goto K_busy
		:: !(W & KIND) && may_enter && !excluded && exclusive ->
			d_step {
				note_owner();
				dequeue();
				W = held(member) | (W & KEPT) | marks;
				kernel_holds = kernel_holds || (member == 0);
				sure = false;
				seen = 0;
				m = 1
			}
			goto K_drain
		:: !(W & KIND) && may_enter && !excluded && !exclusive ->
			goto K_enter
		fi
	}

K_enter:
	if
	:: d_step { member == 0 ->
		kernel_readers++;
		R = R | KERNEL_INSIDE }
		goto K_look
	:: member && !(R & bit(member)) -> R = R | bit(member); goto K_enter
	:: member && (R & bit(member)) -> S[member]++
	fi;

K_look:	atomic {
		if
#ifdef NO_FENCE_KERNEL
		:: true ->	/* as K_try saw it */
#else
		:: !(W & KIND) ->
#endif
			sure = false;
			enter_shared();
			if
			:: queued -> d_step { dequeue() } goto K_fix
			:: else -> unlock_B(); goto locked
			fi
#ifndef NO_FENCE_KERNEL
		:: else -> goto K_step_back
#endif
		fi
	}

K_fix:	/* Whoever has left Q without W looks after those behind it. */
	atomic {
#ifdef NO_GIVE_UP_MARKS
		W = (inside -> published : W);
#else
		W = published;
#endif
		if
		:: !(W & KIND) ->
#ifdef NO_CHAIN
			if
			:: !inside -> wake_next()
			:: else
			fi
#else
#ifdef NO_HANDON
			if
			:: inside -> wake_next()
			:: else
			fi
#else
			wake_next()
#endif
#endif
		:: else -> goto K_fixed
		fi
	}
	/* Who was woken answers for the rest. User space may have W by now. */
	atomic {
#ifdef NO_GIVE_UP_MARKS
		W = (inside -> published : W);
#else
		W = published;
#endif
		goto K_fixed
	}
K_fixed:
	atomic {
		unlock_B();
		if
		:: inside -> goto locked
		:: else -> goto gave_up
		fi
	}

K_step_back:	/* leaves DRAIN as it is */
	atomic {
		if
		:: member == 0 -> lower_slot()
		:: else ->
			S[member]--;
			if
#ifndef NO_DRAIN_WAKE
			:: !(S[member] & COUNT) -> wake_drainers()
#endif
			:: else
			fi
		fi
	}

K_busy:	atomic {
		assert(!sure);
		if
		:: once -> d_step { unlock_B() } goto next
		:: !once && late -> goto K_give_up
		:: else
		fi;
		if
		:: !again || (impatient & bit(me))
		:: again && !(impatient & bit(me)) ->
			/* A millisecond has passed, or not */
			if
#if IMPATIENCE != 2
			:: true
#endif
#if IMPATIENCE != 0
			:: impatient = impatient | bit(me)
#endif
			fi
		fi;
		d_step { enqueue() }
		goto K_mark
	}

K_mark:	/*
	 * One fetch-and-or. Where it finds W free it tries again. Nobody gets in
	 * before the first of Q meanwhile but other readers, if it is one: W is
	 * promised. So a try that follows does not fail again.
	 */
	atomic {
#ifndef NO_REANNOUNCE
		woken = woken & ~bit(me);
#endif
		if
		:: !(W & KIND) && may_enter && !excluded ->
			d_step {
				if
				:: is_first ->
#ifndef NO_PROMISE
					impatient = impatient | bit(me);
#endif
					sure = true
				:: else
				fi;
				W = W | marks;
				note_promise();
				woken = woken & ~bit(me);
				pausing = pausing | bit(me);
				unlock_B()
			}
			goto K_pause
		:: else ->
#if IMPATIENCE == 1
			/* It may have seen W free, but too late. */
			if
			:: is_first -> impatient = impatient | bit(me)
			:: true
			fi;
#endif
			d_step {
				W = W | marks;
				note_promise();
				woken = woken & ~bit(me);
				unlock_B()
			}
			goto K_sleep
		fi
	}

K_pause:	/* B is let go for a moment */
	if
	:: atomic { true -> lock_B(); goto K_paused }
	:: atomic { (can & GIVE_UP) -> late = true; lock_B(); goto K_paused }
	:: atomic { mortal -> d_step { kill(); late = true } lock_B(); goto K_paused }
	fi;
K_paused:
	atomic {
		pausing = pausing & ~bit(me);
		again = true;
		goto K_try
	}

K_sleep:	/* Its time may be over when it has been woken. */
	if
	:: atomic { (woken & bit(me)) -> lock_B(); again = true; goto K_try }
	:: atomic { (can & GIVE_UP) -> late = true; lock_B(); goto K_try }
	:: atomic { mortal -> d_step { kill(); late = true } lock_B(); goto K_try }
	fi;

K_give_up:
	atomic {
#ifdef HEAD_GIVES_UP
		if
		:: woken & bit(me) -> d_step { dequeue() } goto K_fixed
		:: else
		fi;
#endif
		d_step { dequeue() }
		goto K_fix
	}
gave_up:
	if
	:: dying & bit(member) -> goto dead
	:: else -> goto next
	fi;

	/*
	 * The kernel: the owner of W waits for those who are inside shared
	 */
K_drain:	/* Each slot needs to be seen empty but once. */
	atomic {
#if defined VIEWERS && !defined NO_EXPIRY
		if
		:: m == 1 && leases -> d_step { expire_leases() }
		:: true
		fi;
#endif
		if
#ifdef NO_DRAIN
		:: false ->
#else
		:: (living & bit(m)) && !(seen & bit(m)) && (S[m] & COUNT) ->
#endif
			S[m] = S[m] | (once || late -> 0 : DRAIN);
			any = true
		:: else -> seen = seen | bit(m)
		fi;
		m++;
		if
		:: m <= MEMBERS -> goto K_drain
		:: m > MEMBERS && !any && !kernel_readers ->
			m = 0; seen = 0;
			enter_exclusive();
			d_step { unlock_B() }
			goto locked
		:: m > MEMBERS && (any || kernel_readers) && (once || late) ->
			m = 0; seen = 0; any = false;
			goto K_release
		:: m > MEMBERS && (any || kernel_readers) && !once && !late ->
			d_step {
				m = 0;
				any = false;
				drainers = drainers | bit(me);
				woken = woken & ~bit(me);
				unlock_B()
			}
			goto K_drain_sleep
		fi
	}

K_drain_sleep:
	if
#if defined VIEWERS && !defined NO_EXPIRY
	:: atomic { leases -> lock_B(); d_step { expire_leases() } goto K_drain_woken }
#endif
	:: atomic { (woken & bit(me)) -> lock_B(); goto K_drain_woken }
	:: atomic { (can & GIVE_UP) -> late = true; lock_B(); goto K_drain_woken }
	:: atomic { mortal -> d_step { kill(); late = true } lock_B(); goto K_drain_woken }
	fi;
K_drain_woken:
	atomic {
		drainers = drainers & ~bit(me);
		woken = woken & ~bit(me);
		m = 1;
		goto K_drain
	}

locked:	/* One that was killed in the kernel dies on its way out of it. */
	atomic {
		if
		:: late && (dying & bit(member)) -> goto dead
		:: else
		fi;
		late = false;
		if
		:: exclusive -> goto inside_user
		:: else -> goto D1
		fi
	}

	/*
	 * The kernel: UNLOCK
	 */
K_unlock:
	atomic {
		lock_B();
		goto K_release
	}

K_release:	/*
	 * Wakes first: the marks are those of afterwards. Or last, under the
	 * same B; W may be had, and given back, before.
	 */
	atomic {
		d_step {
			go_outside();
#ifdef FREE_FIRST
			W = (W & DIED) | (impatient -> TURN : 0)
#else
#ifndef NO_UNLOCK_WAKE
			grant_leases();
			wake_next();
#endif
			W = (W & DIED) | marks
#endif
		}
#ifdef FREE_FIRST
	}
	atomic {
		d_step { wake_next() }
#endif
		d_step {
			kernel_holds = (member == 0 -> false : kernel_holds);
			unlock_B()
		}
		if
		:: late -> goto gave_up
		:: else -> goto unlocked
		fi
	}

K_unlock_shared:
	atomic {
		lock_B();
		d_step {
			go_outside();
			lower_slot();
			unlock_B()
		}
		goto unlocked
	}

	/*
	 * The end of a process, once all its threads are gone
	 */
dead:	atomic {
		go_outside();
		threads[member]--
	}
	if
	:: threads[member] == 0 -> goto K_leave
	:: else -> goto over
	fi;

finish:
	atomic {
		finished = finished | bit(me);
		threads[member]--
	}
	if
	:: threads[member] == 0 && (dying & bit(member)) -> goto K_leave
	:: else -> goto over
	fi;

K_leave:
	atomic {
		lock_B();
		mourning = mourning || names(W, member);
		S[member] = 0
	}
	R = R & ~bit(member);
K_settle:
	atomic {
		living = living & ~bit(member);
#ifndef NO_SETTLE
		if
		:: names(W, member) ->
			W = DIED | marks;
			wake_next();
			call_tenants()
		:: else
		fi;
#endif
#ifndef NO_LEAVE_WAKE
		wake_drainers();
#endif
		unlock_B()
	}
over:
	skip
}
