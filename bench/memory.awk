# SPDX-License-Identifier: MIT
# The table for people: a section for each place, in it a table for each operation,
# with a row for each size and a column for each backend. Then the aims.
BEGIN {
	FS = "\t"
	title["counted"] = "Instructions (deterministic guest, one CPU)"
	title["guest"] = "Microseconds (ordinary guest, two emulated CPUs)"
	print "# What the memory costs\n"
	print "Made by `make bench-memory`; the same, with all columns, is in `memory.tsv`. Medians;"
	print "less is better in every row. \"Again\" is a peer measured twice: how far the two are"
	print "apart is what a difference is worth there. The ratio is that of dmashm to the best peer"
	print "which is a dma-buf; memfd is none. In brackets: page faults. The library's handles are members of the barrier"
	print "too: to make one is to join, which no peer has."
	print ""
}
/^# / { sub(/^# /, "- "); print; next }
$1 == "place" { next }
{
	comma = match($2, /, [^,]*$/)
	operation = substr($2, 1, comma - 1)
	size = substr($2, comma + 2)
	table = $1 FS operation
	row = table FS size
	if (!(table in sizes)) tables[++count] = table
	if (!(row in columns)) sizes[table] = sizes[table] FS size
	columns[row] = 1
	if (!(table FS $4 in seen)) backends[table] = backends[table] FS $4
	seen[table FS $4] = 1
	cost[row, $4] = $6
	faults[row, $4] = $12
	role[row, $4] = $3
	ratio[row, $4] = $10
	beside[row, $4] = $11
	if ($3 == "peer" && (!(row in best) || $6 < cost[row, best[row]])) best[row] = $4
}
END {
	for (n = 1; n <= count; n++) {
		split(tables[n], part, FS)
		if (part[1] != place) {
			place = part[1]
			print "\n## " title[place]
		}
		print_table(tables[n], part[2])
	}
	print "\n## Aims\n"
	for (place in title)
		aims(place)
}
function print_table(table, operation, many, sizes_of, backends_of, n, m, row, line) {
	print "\n### " operation "\n"
	many = split(substr(backends[table], 2), backends_of, FS)
	line = "| size |"
	for (m = 1; m <= many; m++) line = line " " backends_of[m] " |"
	print line " best peer | dmashm to it |"
	gsub(/[^|]+/, "---:", line)
	print line "---|---:|"
	for (n = 1; n <= split(substr(sizes[table], 2), sizes_of, FS); n++) {
		row = table FS sizes_of[n]
		line = "| " sizes_of[n] " |"
		for (m = 1; m <= many; m++) line = line " " cell(row, backends_of[m]) " |"
		print line " " best[row] " | **" ratio[row, "dmashm"] "** |"
	}
}
function cell(row, backend) {
	if (!((row, backend) in cost)) return "-"
	return short(cost[row, backend]) (faults[row, backend] > 0 ? " (" faults[row, backend] ")" : "")
}
function short(figure) {
	if (figure == int(figure)) return int(figure)
	return figure >= 100 ? sprintf("%.0f", figure) : sprintf("%.1f", figure)
}

# Those that the project set itself.
function aims(place, key, part, rows, kept, name) {
	name = title[place]
	sub(/ \(.*/, "", name)
	for (key in ratio) {
		split(key, part, SUBSEP)
		if (part[2] != "dmashm" || index(part[1], place FS) != 1) continue
		rows++
		kept += ratio[key] <= 1
	}
	if (!rows) return
	aim(name, "at or under the best dma-buf peer in every row", kept == rows, kept " of " rows " rows")
	limit(name, place FS "mmap, write, munmap" FS "64 MiB", 0.25, \
		"mmap, write, munmap of 64 MiB: at most a quarter of the system heap's")
	limit(name, place FS "receiver: mmap, read a byte, munmap, close" FS "256 MiB", 0.01, \
		"the receiver of 256 MiB pays at most a hundredth of what the system heap makes it pay")
}
function limit(name, row, most, what) {
	if ((row, "dmashm") in beside)
		aim(name, what, beside[row, "dmashm"] <= most, beside[row, "dmashm"])
}
function aim(name, what, is_met, figure) {
	print "- " name ": " what ": " (is_met ? "**met**" : "**not met**") " (" figure ")"
}
