#!/bin/sh
# SPDX-License-Identifier: MIT
# What the shared library exports, what the symbol map lists and what the
# header declares has to be the same; and the static library must define no
# global name without the prefix.
#
# usage: check-symbols.sh HEADER MAP SHARED STATIC
set -eu
export LC_ALL=C

header=$1 map=$2 shared=$3 static=$4
: "${CC:=cc}" "${NM:=nm}"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

$CC -E -P "$header" | grep -o 'dmashm_[a-z0-9_]* *(' | tr -d ' (' |
	sort -u > "$tmp/header"
sed -n 's/^[[:space:]]*\(dmashm_[a-z0-9_]*\);$/\1/p' "$map" |
	sort > "$tmp/map"
$NM -D --defined-only "$shared" | awk '$2 != "A" { print $3 }' |
	sed 's/@.*//' | sort > "$tmp/shared"
$NM -g --defined-only "$static" | awk 'NF == 3 { print $3 }' |
	sort > "$tmp/static"

status=0
test -s "$tmp/header" || { echo "no function found in $header" >&2; status=1; }
diff -u "$tmp/header" "$tmp/map" || status=1
diff -u "$tmp/map" "$tmp/shared" || status=1
if grep -v '^dmashm_' "$tmp/static"; then
	echo "$static: global names without the prefix" >&2
	status=1
fi
exit $status
