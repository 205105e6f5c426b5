#!/bin/sh
# SPDX-License-Identifier: MIT
# Loading and unloading: refused while anything lives, clean otherwise.
. ./ktap.sh

loaded() { [ -e /sys/module/dmashm ]; }
unload() { rmmod dmashm; }
load() { insmod "$DMASHM_MODULES/dmashm.ko" "$@"; }
reload() { unload && ! loaded && [ ! -e /dev/dmashm ] && load && [ -c /dev/dmashm ]; }

# hold WHAT: a process that has a buffer only by WHAT; hold_end ends it.
hold() {
	rm -f /tmp/held
	./holder "$1" >/tmp/held &
	holder=$!
	await /tmp/held holding || return 1
}
hold_end() { kill $holder; wait $holder 2>/dev/null; sleep 0.2; }

twenty_times() {
	i=0
	while [ $i -lt 20 ]; do
		reload || return 1
		i=$((i + 1))
	done
}

parameter() { unload && load max_buffer_mib=3 && [ "$(cat /sys/module/dmashm/parameters/max_buffer_mib)" = 3 ] && reload; }

no_heap() { unload && load heap=0 && [ ! -e /dev/dma_heap/dmashm ] && reload && [ -c /dev/dma_heap/dmashm ]; }

parameters_in_all() {
	unload && load max_buffer_mib=3 max_total_mib=5 max_user_mib=4 &&
		[ "$(cat /sys/module/dmashm/parameters/max_total_mib)" = 5 ] &&
		[ "$(cat /sys/module/dmashm/parameters/max_user_mib)" = 4 ] && reload
}

# Half of the memory, as the parameters say when nothing is given.
defaults() {
	half=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 2048))
	for name in max_buffer_mib max_total_mib; do
		[ "$(cat /sys/module/dmashm/parameters/$name)" -ge $((half - 8)) ] &&
			[ "$(cat /sys/module/dmashm/parameters/$name)" -le $((half + 8)) ] || return 1
	done
	[ "$(cat /sys/module/dmashm/parameters/max_user_mib)" = 0 ]
}

# Who reads what root sees keeps the module; and nothing of it is left behind.
reader_keeps_it() {
	exec 8</sys/kernel/debug/dmashm/buffers
	refused=
	rmmod dmashm 2>/dev/null || refused=yes
	exec 8<&-
	[ "$refused" ] && unload && [ ! -e /sys/kernel/debug/dmashm ] && load
}

for module in dmashm_tester dmashm_sampler dmashm_monitor; do
	[ ! -e /sys/module/$module ] || rmmod $module
done

plan 15
check loads_and_unloads reload
check twenty_times twenty_times
check max_buffer_mib_can_be_given parameter
check the_heap_can_be_left_out no_heap
check all_limits_can_be_given parameters_in_all
check the_defaults_are_half_of_the_memory defaults
for what in heap dmabuf member mapping words pipe; do
	hold $what || { echo "Bail out! ./holder $what does not hold."; exit 1; }
	# The pipe has pages only, and those need no module.
	if [ $what = pipe ]; then
		check "a_page_in_a_${what}_does_not_keep_it" reload
	else
		refuse "a_${what}_keeps_it" unload
	fi
	hold_end
done
check it_goes_when_nothing_lives reload
user_keeps_it() {
	insmod "$DMASHM_MODULES/dmashm_tester.ko" || return 1
	! rmmod dmashm 2>/dev/null && rmmod dmashm_tester && reload
}
check a_module_that_uses_it_keeps_it user_keeps_it
check a_reader_of_debugfs_keeps_it reader_keeps_it
exit "$ktap_failed"
