/* SPDX-License-Identifier: MIT */
/*
 * WAIT and WAKE on an event's word, for spin, and what is built on them:
 * a semaphore (the word is the count), and with CONDITION a condition of the
 * barrier (the word counts the signals). model/check runs it.
 *
 * The barrier itself is only a lock here, that recovers when its holder dies:
 * barrier.pml is about the rest.
 *
 * Consumers take one item each. One may end its sleep when all the producers are
 * gone and no item is left; a sleep that cannot end is a lost wake-up, and
 * spin's invalid end state.
 */

#ifndef DEATHS
#define DEATHS		0
#endif

#define MORTAL		1
#define GIVE_UP		2
#define bit(n)		(1 << (n))

byte E;			/* the word */
bool B;			/* the kernel's spinlock, for the two that follow */
chan sleepers = [PARTIES] of { byte };
byte woken;		/* a mask of parties */

byte lock;		/* the barrier: 0, or 1 + who holds it */
byte items;		/* what the lock guards */

byte producers;		/* that are not gone */
byte deaths = DEATHS;

#ifdef CONDITION
#define available	items
#else
#define available	E
#endif

hidden byte h;

#define MAY_DIE :: atomic { (can & MORTAL) && deaths > 0 -> deaths-- } goto dead

inline lock_B() { !B -> B = true }

inline wake_one()
{
	if
	:: len(sleepers) > 0 -> sleepers?h; woken = woken | bit(h)
	:: else
	fi
}

inline wake_all()
{
	do
	:: len(sleepers) > 0 -> sleepers?h; woken = woken | bit(h)
	:: else -> break
	od
}

/* A dead one may have used up a wake, or died before its WAKE. */
inline leave()
{
	atomic {
		lock_B();
		d_step {
			lock = (lock == me + 1 -> 0 : lock);
#ifndef NO_LEAVE_WAKE
			wake_all();
#endif
			h = 0;
			B = false
		}
	}
}

inline start_consumer(i, can_do)
{
	run consumer(i, can_do)
}

proctype consumer(byte me; byte can)
{
	byte seen;
	bool late;

again:
#ifdef CONDITION
C_lock:	if
	MAY_DIE
	:: atomic { lock == 0 -> lock = me + 1 }
	fi;
C_look:	if
	MAY_DIE
	:: atomic { items > 0 -> items--; goto C_unlock }
	:: atomic { items == 0 && late -> goto C_unlock }
	:: items == 0 && !late
	fi;
#ifndef SEEN_LATE
C_seen:	if
	MAY_DIE
	:: seen = E
	fi;
#endif
#ifdef UNLOCK_FIRST
	if
	MAY_DIE
	:: lock = 0
	fi;
#endif
#ifdef SEEN_LATE
	seen = E;
#endif
#else
V_take:	if
	MAY_DIE
	:: atomic { E > 0 -> E-- } goto over
	:: E == 0 -> seen = 0
	fi;
	if
	:: late -> goto over
	:: else
	fi;
#endif

W_lock:	if
	MAY_DIE
#ifdef COMPARE_OUTSIDE
	:: E != seen -> goto again
	:: E == seen
	fi;
	atomic { lock_B(); goto W_queue };
#else
	:: atomic { lock_B(); goto W_compare }
	fi;
#endif
W_compare:
	if
	:: atomic { E == seen -> goto W_queue }
	:: atomic { E != seen -> B = false; goto changed }
	fi;
W_queue:
	atomic {
		sleepers!me;
		/* That much of UNLOCK, under the same B. */
		lock = (lock == me + 1 -> 0 : lock);
		B = false;
		goto W_sleep
	}
changed:
#ifdef CONDITION
	if
	:: lock == me + 1 -> goto C_look
	:: else -> goto again
	fi;
#else
	goto again;
#endif

W_sleep:
	if
	:: atomic { woken & bit(me) -> woken = woken & ~bit(me); goto again }
	/* Its time is over. One that was chosen by a waker says so: it looks again. */
	:: atomic { (can & GIVE_UP) -> lock_B(); goto W_late }
	:: atomic { (can & MORTAL) && deaths > 0 -> deaths--; lock_B(); goto W_dead }
	:: producers == 0 && available == 0 -> goto over
	fi;
W_late:	atomic {
		if
		:: sleepers??[eval(me)] -> sleepers??eval(me); late = true
		:: else ->
			woken = woken & ~bit(me);
#ifdef LOSE_WAKE
			late = true; B = false; goto over
#endif
		fi;
		B = false;
		goto again
	}
W_dead:	atomic {
		if
		:: sleepers??[eval(me)] -> sleepers??eval(me)
		:: else -> woken = woken & ~bit(me)
		fi;
		B = false;
		goto dead
	}

#ifdef CONDITION
C_unlock:
	if
	MAY_DIE
	:: lock = 0; goto over
	fi;
#endif
dead:	leave();
over:	skip
}

inline start_producer(i, rounds_of, can_do)
{
	producers++;
	run producer(i, rounds_of, can_do)
}

/* Signals while it holds the lock, or after: both are right. */
proctype producer(byte me; byte rounds; byte can)
{
	bool after;

again:
	if
	:: rounds == 0 -> goto over
	:: else -> rounds--
	fi;
#ifdef CONDITION
	if
	:: after = false
	:: after = true
	fi;
P_lock:	if
	MAY_DIE
	:: atomic { lock == 0 -> lock = me + 1 }
	fi;
P_put:	if
	MAY_DIE
	:: items++
	fi;
	if
	MAY_DIE
	:: after -> lock = 0
	:: !after
	fi;
#endif
P_change:
	if
	MAY_DIE
	:: E++
	fi;
P_wake:	if
	MAY_DIE
	:: atomic { lock_B(); d_step { wake_one(); h = 0; B = false } }
	fi;
#ifdef CONDITION
P_unlock:
	if
	MAY_DIE
	:: atomic { lock == me + 1 -> lock = 0 }
	:: lock != me + 1
	fi;
#endif
	goto again;

dead:	leave();
over:	producers--
}
