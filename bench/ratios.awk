# SPDX-License-Identifier: MIT
# Rows of a program, each with its place in front, to rows of the table: with the
# ratio to the best peer of the same place and operation, and to the one that
# "named" is. All are costs: less is better.
BEGIN { FS = OFS = "\t" }
{
	key = $1 FS $2
	line[NR] = $0
	if ($3 == "peer" && (!(key in best) || $6 < best[key])) best[key] = $6
	if ($3 == "peer" && $4 == named) beside[key] = $6
}
END {
	print "place", "operation", "role", "backend", "unit", "median", "least", "ninth decile", \
		"rounds", "to best peer", "to " named, last
	for (n = 1; n <= NR; n++) {
		$0 = line[n]
		key = $1 FS $2
		print $1, $2, $3, $4, $5, $6, $7, $8, $9, ratio($6, best[key]), ratio($6, beside[key]), $10
	}
}
function ratio(cost, peer) { return peer > 0 ? sprintf("%.*f", cost < peer / 10 ? 3 : 2, cost / peer) : "" }
