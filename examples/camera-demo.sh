#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A camera (vivid) captures into dmashm buffers, an overlay draws into the same
# pages, a display (cirrus in a guest) scans them out: three processes, and no
# copy between them. Measures them, shows that the pages are the same ones, kills
# each and starts it again while the others go on, and looks at the screen.
#
# usage: camera-demo.sh [-c] [-n FRAMES] [-f RATE] [-s COMMAND]
#   -c          fail if camera or display takes as much CPU time as a copy would:
#               where nothing else disturbs the figures, and system calls are not
#               dearer than copies, as in emulation they are
#   -n FRAMES   to measure (100)
#   -f RATE     frames a second (25)
#   -s COMMAND  prints the SHA-256 of a picture of the screen (PPM, the pixels as
#               they are); without it, nobody looks
#
# To be run as root, with dmashm.ko loaded. Exits with 0 if all of that held.
set -eu

here=$(cd "$(dirname "$0")" && pwd)/camera
frames=100
rate=25
compare=''
look=''
dir=''
loaded=''
failed=''
camera='' overlay='' display=''

die() {
	echo "camera-demo: $*" >&2
	for role in camera overlay display; do
		[ ! -s "$dir/$role.log" ] || tail -n 3 "$dir/$role.log" >&2
	done
	exit 1
}

usage() {
	sed -n 's/^# \(usage:.*\)/\1/p' "$0" >&2
	exit 2
}

# Ends what still runs, and only what was started here.
clean_up() {
	for pid in $camera $overlay $display; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	[ -z "$dir" ] || rm -rf "$dir"
	[ -z "$loaded" ] || modprobe -r vivid || :
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# The V4L2 device of vivid's, whichever number it got.
find_camera() {
	for name in /sys/class/video4linux/video*/name; do
		case $(cat "$name" 2>/dev/null) in
		vivid-*-vid-cap) basename "$(dirname "$name")" && return ;;
		esac
	done
	return 1
}

load_drivers() {
	if ! find_camera >/dev/null; then
		modprobe vivid n_devs=1 node_types=1 num_inputs=1 input_types=0 ||
			die "vivid did not load; take a kernel that has it."
		loaded=yes
	fi
	device=/dev/$(find_camera) || die "vivid has no camera; unload it (modprobe -r vivid), then run this again."
	modprobe -q cirrus || modprobe -q cirrus-qemu || :
}

#
# The three
#

# start ROLE [OPTION...]: its pid is then in the variable of that name.
start() {
	role=$1
	shift
	case $role in
	camera) set -- -d "$device" -f "$rate" -o "$dir/expected.ppm" "$@" ;;
	esac
	"$here/$role" -n "$frames" "$@" "$dir" >>"$dir/$role.log" 2>&1 &
	eval "$role=\$!"
}

# A pid that was waited for may be given to a stranger: it is forgotten then.
kill_hard() {
	eval "pid=\$$1; $1=''"
	kill -KILL "$pid" || die "the $1 was gone already."
	wait "$pid" 2>/dev/null || :
}

lives() { eval "kill -0 \"\$$1\" 2>/dev/null"; }

# count ROLE: the number of its last frame.
count() { "$here/witness" counts "$dir" "$1" | cut -d ' ' -f 2; }

# in_time SECONDS COMMAND...: until it succeeds.
in_time() {
	late=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -le $late ] || return 1
		sleep 0.1
	done
}

has_reports() { [ "$(grep -c ' a second' "$dir/$1.log")" -ge "$2" ]; }
has_said() { grep -q "$2" "$dir/$1.log"; }

# go_on [ROLE...]: each of them, or all three, by some frames.
go_on() { "$here/witness" await "$dir" "$@" || die "failed: not all go on."; }

#
# What is shown
#

# The first report is of the time when the others were still starting.
measure() {
	for role in camera overlay display; do
		in_time 120 has_reports $role 2 || die "failed: the $role did not do $((2 * frames)) frames in time."
		grep ' a second' "$dir/$role.log" | sed -n 2p
	done
	"$here/witness" copy "$dir" | tee "$dir/copy"
}

# Who copied a frame would take at least what a copy takes.
compare_cost() {
	copy=$(sed 's/.*cost \([0-9.]*\) ms.*/\1/' "$dir/copy")
	for role in camera display; do
		cpu=$(grep ' a second' "$dir/$role.log" | sed -n '2s/.*CPU \([0-9.]*\) ms$/\1/p')
		awk -v cpu="$cpu" -v copy="$copy" 'BEGIN { exit !(cpu < copy) }' ||
			failed="$failed the $role takes as much CPU time as if it copied;"
	done
}

show_pages() {
	"$here/witness" pages "$dir" >"$dir/pages.now" || {
		cat "$dir/pages.now"
		die "failed: the pages are not the same ones."
	}
	if [ -e "$dir/pages" ]; then
		cmp -s "$dir/pages" "$dir/pages.now" || die "failed: these are not the pages that there were at first."
		echo "pages      still the same ones, though no process is that there was at first"
	else
		mv "$dir/pages.now" "$dir/pages"
		cat "$dir/pages"
	fi
}

show_touched() {
	"$here/witness" touched "$dir" ||
		failed="$failed who should not touches pixels, or not all frames go round;"
}

# restart ROLE OTHERS...: killed, started again; the others go on meanwhile.
restart() {
	victim=$1
	shift
	before=$(count "$victim")
	kill_hard "$victim"
	[ $# -eq 0 ] || go_on "$@"
	for role in camera overlay display; do
		[ $role = "$victim" ] || lives $role || die "failed: the $role did not outlive the $victim."
	done
	start "$victim"
	go_on
	case $# in
	0) meanwhile="the others waited for the next one" ;;
	*) meanwhile="$1 and $2 went on without it" ;;
	esac
	echo "killed     the $victim at no. $before: $meanwhile; with the next one the screen is at no. $(count display)"
}

# The next overlay draws that frame anew, unless the camera needs it first.
says_who_died() { grep -h 'left by one who died in it' "$dir/overlay.log" "$dir/camera.log"; }

die_half_way() {
	kill_hard overlay
	start overlay -k 5
	wait "$overlay" 2>/dev/null || :
	start overlay
	in_time 20 says_who_died >/dev/null || die "failed: nobody made good what was left half drawn."
	go_on
	says_who_died | tail -n 1
}

# The camera says what the screen must show, pixel by pixel, and the display
# holds that.
look_at_screen() {
	kill -USR1 "$camera"
	in_time 20 has_said display 'is held' || die "failed: the display does not hold a frame."
	go_on camera overlay
	shown=$($look) || die "failed: there was no picture of the screen ($look)."
	kill -USR1 "$display"
	expected=$(sha256sum <"$dir/expected.ppm")
	expected=${expected%% *}
	echo "screen     $(sed -n 's/^display *\(no.*\) is held/\1/p' "$dir/display.log") captured, overlay added: $expected"
	echo "screen     the display's picture by then:  $shown"
	[ "$shown" = "$expected" ] || failed="$failed the screen does not show what was captured;"
	go_on display
}

while getopts cn:f:s: option; do
	case $option in
	c) compare=yes ;;
	n) frames=$OPTARG ;;
	f) rate=$OPTARG ;;
	s) look=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || usage
for program in camera overlay display witness; do
	[ -x "$here/$program" ] || die "there is no $here/$program; build the examples first."
done
[ -e /dev/dmashm ] || die "there is no /dev/dmashm; load dmashm.ko first."

dir=$(mktemp -d)
load_drivers
start camera
start overlay
start display
measure
[ -z "$compare" ] || compare_cost
show_pages
show_touched
restart overlay camera display
die_half_way
restart display camera overlay
restart camera
show_pages
show_touched
[ -z "$look" ] || look_at_screen
[ -z "$failed" ] || die "failed:${failed%;}."
echo "result     ok: no copy, no frame lost to a death${look:+, and the screen shows what was captured}"
