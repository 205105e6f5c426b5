# SPDX-License-Identifier: MIT
# The table for people: a section for each place, a row for each backend of each
# operation.
BEGIN {
	FS = "\t"
	title["counted"] = "Instructions (deterministic guest, one CPU)"
	title["native"] = "Nanoseconds (this machine, without the module: words in plain shared memory)"
	title["guest"] = "Nanoseconds (ordinary guest, two emulated CPUs: wake-ups are distorted)"
	print "# What the barrier costs\n"
	print "Made by `make bench-barrier`; the same, with all columns, is in `barrier.tsv`. Less is"
	print "better in every row. \"Again\" is a peer measured twice: how far the two are apart is"
	print "what a difference is worth there."
	print ""
}
/^# / { sub(/^# /, "- "); print; next }
$1 == "place" { next }
$1 != place {
	place = $1
	operation = ""
	print "\n## " title[place] "\n"
	print "| operation | backend | median | least | 9th decile | to the best peer | to the robust mutex | |"
	print "|---|---|---:|---:|---:|---:|---:|---|"
}
{
	ours = $3 == "ours" || $3 == "static" ? "**" : ""
	print "| " ($2 == operation ? "" : $2) " | " ours $4 ours " | " short($6) " | " short($7) " | " \
		short($8) " | " $10 " | " $11 " | " $12 " |"
	operation = $2
}
function short(figure) {
	if (figure == int(figure)) return int(figure)
	return figure >= 100 ? sprintf("%.0f", figure) : sprintf("%.1f", figure)
}
