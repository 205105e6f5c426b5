# SPDX-License-Identifier: MIT
# The table for people: for each place, to read and to write, a row for each size of
# the part and a column for each way. Then the aims.
BEGIN {
	FS = "\t"
	title["counted"] = "Instructions (deterministic guest, one CPU)"
	title["guest"] = "Microseconds (ordinary guest, two emulated CPUs)"
	print "# What it costs to synchronise a part\n"
	print "Made by `make bench-sync`; the same, with all columns, is in `sync.tsv`. A buffer of"
	print "16 MiB that a device has mapped, bounced (`swiotlb=force`); START and END around so"
	print "much of it. Medians. `DMA_BUF_IOCTL_SYNC` knows no part: it is the same call in each"
	print "row. \"Again\" is the same measured twice. In the last column, what"
	print "`dmashm_begin_range()` and `dmashm_end_range()` take for each KiB of the part."
	print ""
}
/^# / { sub(/^# /, "- "); print; next }
$1 == "place" { next }
{
	comma = match($2, /, [^,]*$/)
	size = substr($2, comma + 2)
	table = $1 FS substr($2, 1, comma - 1)
	if (!(table in sizes)) tables[++count] = table
	if (!((table, size) in seen)) sizes[table] = sizes[table] FS size
	seen[table, size] = 1
	if (!((table, $4) in seen)) ways[table] = ways[table] FS $4
	seen[table, $4] = 1
	cost[table, size, $4] = $6
}
END {
	for (n = 1; n <= count; n++) {
		split(tables[n], part, FS)
		if (part[1] != place) print "\n## " title[place = part[1]]
		print_table(tables[n], part[2])
	}
	print "\n## Aims\n"
	for (n = 1; n <= count; n++) aims(tables[n])
}
function kib(size, part) { split(size, part, " "); return part[1] * (part[2] == "MiB" ? 1024 : 1) }
function print_table(table, name, many, way, size, n, m, line) {
	print "\n### " name "\n"
	many = split(substr(ways[table], 2), way, FS)
	line = "| part |"
	for (m = 1; m <= many; m++) line = line " " way[m] " |"
	print line " each KiB |"
	gsub(/[^|]+/, "---:", line)
	print line "---:|"
	for (n = 1; n <= split(substr(sizes[table], 2), size, FS); n++) {
		line = "| " size[n] " |"
		for (m = 1; m <= many; m++) line = line " " short(cost[table, size[n], way[m]]) " |"
		print line " " short(cost[table, size[n], "dmashm_begin_range"] / kib(size[n])) " |"
	}
}
function short(figure) { return figure >= 100 ? sprintf("%.0f", figure) : sprintf("%.1f", figure) }

# Those that the project set itself.
function aims(table, part, small, large) {
	split(table, part, FS)
	small = cost[table, "4 KiB", "dmashm_begin_range"]
	large = cost[table, "16 MiB", "DMA_BUF_IOCTL_SYNC"]
	aim(part[1] ", " part[2] ": 4 KiB of 16 MiB at most a hundredth of all of it", small / large, 0.01)
	aim(part[1] ", " part[2] ": all of it no more than `DMA_BUF_IOCTL_SYNC`, to a hundredth", \
		cost[table, "16 MiB", "dmashm_begin_range"] / large, 1.01)
}
function aim(what, figure, most) {
	printf "- %s: %s (%.4f)\n", what, figure <= most ? "**met**" : "**not met**", figure
}
