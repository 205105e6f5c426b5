/* SPDX-License-Identifier: MIT */
/* The barrier's words, what the kernel's lock B guards, and what is true. */

#define KIND		3	/* of W */
#define USER		1
#define KERNEL		2
#define WAITERS		4
#define DIED		8
#define TURN		16
#define ID_SHIFT	5
#define COUNT		7	/* of a slot */
#define DRAIN		8
#define KERNEL_INSIDE	1	/* of R: bit 63 in the code; a member's is bit(m) */

/* What a party may do */
#define EXCLUSIVE	1
#define SHARED		2
#define TRY_EXCLUSIVE	4
#define TRY_SHARED	8
#define DIRECT		16	/* asks the kernel at once, as who does not map */
#define FOREVER		255	/* rounds */
/* and what may befall it */
#define MORTAL		1
#define GIVE_UP		2
#define RECOVER		4

#ifndef DEATHS
#define DEATHS		0
#endif
/* Who looks in vain again becomes impatient: 0 never, 1 perhaps, 2 at once */
#ifndef BATCH
#define BATCH		32	/* readers woken at a time */
#endif
#ifndef TENANTS
#define TENANTS		32	/* viewers handed a lease, or woken, at a time */
#endif
#ifndef IMPATIENCE
#define IMPATIENCE	1
#endif

#define bit(n)		(1 << (n))
#define held(m)		((m) == 0 -> KERNEL : USER | ((m) << ID_SHIFT))
#define names(w, m)	(((w) & KIND) == USER && ((w) >> ID_SHIFT) == (m))
#ifdef NO_WAITERS
#define marks		(impatient -> TURN : 0)
#else
/* The first of Q answers for those behind it once it is woken, until it looks. */
#define marks		((len(Q) && !(woken & bit(first)) -> WAITERS : 0) | \
			 wanted | (impatient -> TURN : 0))
#endif
#if defined VIEWERS && !defined NO_TENANT_MARKS
#define wanted		(tenants -> WAITERS : 0)
#else
#define wanted		0
#endif
#define published	((W & ~(WAITERS | TURN)) | marks)
#ifdef NO_DIED
#define KEPT		0
#else
#define KEPT		DIED
#endif
#ifdef NO_DRAIN_CALL
#define drained		0
#else
#define drained		(S[member] & DRAIN)
#endif
#ifdef NO_TURN
#define promised	0
#else
#define promised	(W & TURN)
#endif

byte W, R, S[MEMBERS + 1];

/* B and what it guards */
#ifdef GETS_IN
chan tickets = [PARTIES] of { byte };	/* a fair lock: in the order of asking */
#define B		(len(tickets) > 0)
#else
bool B;
#endif
chan Q = [PARTIES] of { byte, byte };	/* shared?, who */
byte first;		/* of Q; 0 where Q is empty */
byte impatient;		/* a mask of parties, as those below */
byte drainers;		/* one at the most */
byte woken;
bool kernel_holds;
byte kernel_readers;
byte living;		/* of members */

/* What is true, whatever the words say */
byte inside_exclusive, inside_shared;
bool mourning;		/* an exclusive holder died, and nobody repaired it yet */
byte deaths = DEATHS;	/* how many more processes may die */
byte dying;		/* of members */
byte threads[MEMBERS + 1];
byte finished;		/* of parties */
byte pausing;		/* of parties: in Q, but awake */
#ifdef VIEWERS
byte tenants;		/* of parties: asleep for a lease; B guards it */
byte queueing;		/* these, and who were called and have not looked yet */
#endif
#ifdef BOUNDED
byte promises;		/* of parties: TURN is set for them */
byte budget[PARTIES];	/* how many more may own W before them */
#endif

hidden byte h, n;	/* for use inside one step */
hidden byte hs, turned;
