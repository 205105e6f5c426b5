#!/bin/sh
# SPDX-License-Identifier: MIT
# Calls at random from several processes at once, by fuzz/fuzz: nothing breaks,
# nothing hangs, nothing is left, and no errno comes that is not documented.
#
#   DMASHM_FUZZ_CALLS  how many calls (5000)
#   DMASHM_SEED        which ones (1)
. ./ktap.sh

calls=${DMASHM_FUZZ_CALLS:-5000}
seed=${DMASHM_SEED:-1}

# Shown as it comes: who looks at a run that was killed wants to know its seed.
many() { ./fuzz/fuzz --seed "$seed" --calls "$calls" >&3 2>&1; }

# One alone draws the same calls each time, whatever they give.
alone() { ./fuzz/fuzz --seed "$seed" --workers 1 --rounds 1 --calls 300; }

repeats() {
	for again in first second; do
		words=$(alone) || { echo "$words"; return 1; }
		echo "$words" | grep ' drew ' >/tmp/fuzz.$$.$again || return 1
	done
	diff /tmp/fuzz.$$.first /tmp/fuzz.$$.second
}

trap 'rm -f /tmp/fuzz.$$*' EXIT
exec 3>&1
plan 2
check processes_that_call_at_random_break_nothing many
check one_process_does_the_same_again repeats
exit "$ktap_failed"
