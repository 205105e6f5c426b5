#!/bin/sh
# SPDX-License-Identifier: MIT
# Buffers are charged to their creator's cgroup; at its limit the creator gets
# an error, and nobody is killed.
. ./ktap.sh

root=/sys/fs/cgroup
group=$root/dmashm_test

use() { cat $group/memory.current; }
mib() { echo $(($1 * 1048576)); }

# in_group COMMAND...: does not return, so that a subshell becomes the command.
in_group() { exec sh -c 'echo $$ >'"$group"'/cgroup.procs && exec "$@"' sh "$@"; }

# A buffer of 64 MiB shows in the cgroup, and goes with it.
charged() {
	in_group ./holder create 67108864 >/tmp/held 2>&1 &
	holder=$!
	await /tmp/held holding || return 1
	held=$(use)
	kill $holder
	wait $holder 2>/dev/null
	sleep 0.5
	echo "while it lived $held, then $(use)"
	[ "$held" -gt "$(mib 64)" ] && [ "$(use)" -lt "$(mib 32)" ]
}

# What buffers use, in all: nothing is left of one that could not be made.
used() { cat /sys/class/misc/dmashm/used_bytes; }

killed() { sed -n 's/^oom_kill //p' $group/memory.events; }

# too_large BYTES: fails with ENOMEM (12), by itself.
too_large() {
	before=$(killed) had=$(used)
	(in_group ./holder fails "$1" 12 </dev/null) || return 1
	[ "$(killed)" = "$before" ] && [ "$(used)" = "$had" ] && [ "$(use)" -lt "$(mib 32)" ]
}

# The same, with a limit that leaves the process itself some room, but not the
# array of pages for a buffer of that size.
too_large_by_little() {
	before=$(killed)
	rm -f /tmp/go
	mkfifo /tmp/go
	in_group ./holder fails "$1" 12 </tmp/go >/tmp/held 2>&1 &
	holder=$!
	exec 9>/tmp/go
	sleep 1
	echo $(($(use) + 200000)) >$group/memory.max
	echo go >&9
	exec 9>&-
	wait $holder && [ "$(killed)" = "$before" ]
}

limit() { mib "$1" >$group/memory.max; }

plan 4
if ! grep -qw memory $root/cgroup.controllers 2>/dev/null; then
	for name in charged beyond_the_limit the_page_array_too afterwards; do
		skip $name "this machine has no memory controller of cgroup v2"
	done
	exit 0
fi
echo +memory >$root/cgroup.subtree_control
mkdir $group
check a_buffer_is_charged_to_its_creator charged
limit 48
check beyond_the_limit_is_enomem too_large "$(mib 64)"
check the_page_array_is_no_exception too_large_by_little "$(mib 450)"
limit 200
check afterwards_all_is_well charged
rmdir $group
exit "$ktap_failed"
