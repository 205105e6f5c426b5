#!/bin/sh
# SPDX-License-Identifier: MIT
# Sees to it that dmashm.txt, for syzkaller, has every ioctl of the UAPI header,
# each with its struct and direction, and every field of the structs, in order;
# that every flag and every name of a word is there; and that whatever it uses is
# defined. Says what is missing.
#
# usage: tests/fuzz/description.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
header=$here/../../include/uapi/linux/dmashm.h
text=$here/dmashm.txt

# Without comments: a name in one would do no good.
code() { sed 's/^#.*//' "$text"; }

# STRUCT FIELD lines, in order, from the header.
fields() {
	sed 's|/\*.*\*/||; s/\[.*\]//' "$header" | awk '
	/^struct [a-z_]+ {/ { name = $2; next }
	/^};/ { name = "" }
	name && /^\t(__[us][0-9]+|char) / { sub(";", ""); print name, $2 }'
}

# The same of the description.
described() {
	code | awk '
	/^[a-z_]+ {/ { name = $1; next }
	/^}/ { name = "" }
	name && /^\t[a-z]/ { print name, $1 }'
}

missing=0
complain() {
	echo "$*"
	missing=1
}

# The header's structs, but for the one that is only mapped, in the same order.
fields >/tmp/fields.$$
described >/tmp/described.$$
trap 'rm -f /tmp/fields.$$ /tmp/described.$$' EXIT
for struct in $(cut -d ' ' -f 1 /tmp/fields.$$ | uniq | grep -v '^dmashm_facts$'); do
	ours=$(grep "^$struct " /tmp/fields.$$)
	theirs=$(grep "^$struct " /tmp/described.$$ || true)
	[ "$ours" = "$theirs" ] || complain "$struct has other fields in the header:" $ours
done

# Each ioctl, with the struct and the direction that its number says.
sed -n 's/^#define \(DMASHM_IOC_[A-Z]*\)[[:space:]]*_IO\([WR]*\)(DMASHM_IOC_MAGIC, [^,]*, struct \([a-z_]*\))/\1 \2 \3/p' "$header" |
	while read -r name direction struct; do
		case $direction in W) way=in ;; *) way=inout ;; esac
		[ "$name" != DMASHM_IOC_RECOVER ] || struct=dmashm_recover
		code | grep -q "^ioctl\$$name(.*cmd const\[$name\], arg ptr\[$way, $struct\])" ||
			echo "$name with ptr[$way, $struct] is not there"
	done >/tmp/described.$$
[ ! -s /tmp/described.$$ ] || complain "$(cat /tmp/described.$$)"

# The names that are values. What is left out: numbers that only count or shift.
sed -n 's/^#define \(DMASHM_[A-Z0-9_]*\)[[:space:]].*/\1/p' "$header" |
	grep -vE '^DMASHM_(IOC_.*|DEVICE|HEAP_DEVICE|MAGIC|ABI|CAPACITY|SLEEPERS|LEASE_NS|VIEWERS|NO_SLOT|WORDS_SIZE|SLOT_SIZE|SLOT_WRITES|OFF_SLOT|OFF_EVENT|EVENT_COUNT|ID_SHIFT|ID_MAX|HELD|IO_CHUNK|INFO_.*)$' |
	while read -r name; do code | grep -qw "$name" || echo "$name is not there"; done >/tmp/described.$$
[ ! -s /tmp/described.$$ ] || complain "$(cat /tmp/described.$$)"

# Whatever begins with dmashm_ is defined once, and used; variants of calls are not
# meant.
# shellcheck disable=SC2016 # a dollar of that file
for name in $(code | sed 's/\$dmashm_[a-z]*//' | grep -oE '\<dmashm_[a-z_0-9]+' | sort -u); do
	defined=$(code | grep -cE "^$name( \{| \[| =)" || true)
	used=$(code | sed "s/\\\$$name//" | grep -vE "^$name( \{| \[| =)" | grep -cw "$name" || true)
	[ "$defined" -eq 1 ] || complain "$name is defined $defined times"
	[ "$used" -gt 0 ] || complain "$name is not used"
done

# An array's brackets, a struct's braces: nothing is left open.
code | awk '
{ for (i = 1; i <= length($0); i++) { c = substr($0, i, 1); n[c]++ } }
END { exit n["{"] != n["}"] || n["["] != n["]"] || n["("] != n[")"] }' ||
	complain "brackets do not match"

exit $missing
