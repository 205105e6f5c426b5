#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest: has the host take a picture of this guest's screen, and prints the
# picture's SHA-256, as a PPM file of QEMU's (see tests/vm/screen).
#
# usage: tests/screen.sh NAME      of letters, digits and hyphens
#   DMASHM_SCREEN   the serial port for that; a guest with --screen has it
set -eu
name=${1:?"usage: tests/screen.sh NAME"}
port=${DMASHM_SCREEN:?"is not set: the host takes no pictures (tests/vm/guest --screen)"}

stty -F "$port" raw -echo
exec 4<>"$port"
echo "$name" >&4
answer=$(timeout 120 head -n 1 <&4) || answer='(nothing in two minutes)'
sum=${answer#"$name "}
if [ "$sum" = "$answer" ]; then
	echo "screen.sh: the host took no picture, but said: $answer" >&2
	exit 1
fi
echo "$sum"
