#!/bin/sh
# SPDX-License-Identifier: MIT
# The camera demo, with few frames, and what it says: from a camera to the screen
# without a copy, whoever dies on the way.
. ./ktap.sh
demo=../examples/camera-demo.sh
programs=../examples/camera

no_camera() { ! modinfo vivid >/dev/null 2>&1; }
no_display() {
	modprobe -q cirrus || modprobe -q cirrus-qemu
	! grep -qx connected /sys/class/drm/card*-*/status 2>/dev/null
}

work=$(mktemp -d)
overlay=''
trap '[ -z "$overlay" ] || kill $overlay; rm -rf "$work"' EXIT

run_demo() { sh $demo -n 20 -f 15 ${DMASHM_SCREEN:+-s "sh $PWD/screen.sh camera"} >"$work/said" 2>&1; }
says() { grep "$1" "$work/said"; }
twice() { [ "$(says "$1" | wc -l)" -eq 2 ]; }

# Needs neither camera nor display: who comes first makes the frames.
mkdir "$work/pool"
$programs/overlay "$work/pool" >/dev/null &
overlay=$!
has_made_frames() {
	tries=0
	until $programs/witness counts "$work/pool"; do
		tries=$((tries + 1))
		[ $tries -lt 50 ] || return 1
		sleep 0.1
	done
}
second_overlay() { $programs/overlay "$work/pool"; }
no_display_at_all() { $programs/display -d /dev/null "$work/pool"; }
no_camera_at_all() { $programs/camera -d /dev/null "$work/pool"; }
no_directory() { $programs/overlay /no/such/directory; }
nobody_there() { mkdir "$work/empty" && $programs/witness counts "$work/empty"; }

plan 14
check whoever_comes_first_makes_the_frames has_made_frames
refuse a_second_overlay second_overlay
refuse a_display_that_is_none no_display_at_all
refuse a_camera_that_is_none no_camera_at_all
refuse a_directory_that_is_not_there no_directory
refuse a_witness_of_nobody nobody_there

missing=''
! no_display || missing="there is no display (tests/vm/guest --qemu -device --qemu cirrus-vga)"
! no_camera || missing="this kernel has no vivid"
demo_case() {
	if [ -n "$missing" ]; then
		skip "$1" "$missing"
	else
		check "$@"
	fi
}
demo_case the_demo_ends_well run_demo
[ -n "$missing" ] || sed 's/^/# /' "$work/said"
demo_case pages_are_the_same_in_all_processes says '^pages .*same physical ones everywhere'
demo_case they_stay_the_same_when_all_have_died says '^pages .*still the same ones'
demo_case only_the_overlay_touches_them says '^touched .*camera 0 pages.*overlay [1-9].*display 0 pages'
demo_case all_still_go_round_in_the_end twice '^touched .*overlay .* in 6 frames'
demo_case all_go_on_after_each_death says '^killed .*camera.*with the next one'
demo_case what_was_left_half_drawn_is_made_good says 'left by one who died in it'
if [ -z "${DMASHM_SCREEN:-}" ]; then
	skip the_screen_shows_what_was_captured "nobody takes a picture of it (tests/vm/guest --screen)"
else
	demo_case the_screen_shows_what_was_captured says '^result .*the screen shows what was captured'
fi
exit "$ktap_failed"
