#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-mode: host
# cmk-timeout: 1200
#
# The short form of the benchmark: what the module adds to an I/O, beside what
# dm-crypt adds in the best of its configurations for each load; and whether it
# adds more where there are many ranges or many volumes, which the long form
# measures.

setup_file() {
	tests/bench/run --quick --json "$BATS_FILE_TMPDIR/rows" >&3
	jq '[.rows | group_by(.name)[] |
		map({key: .target, value: .overhead}) as $o |
		.[0] + ($o | from_entries) |
		.best = ([."crypt-default", ."crypt-noqueue",
			  ."crypt-samecpu"] | min) |
		.ratio = .cmk / .best]' \
		<"$BATS_FILE_TMPDIR/rows" >"$BATS_FILE_TMPDIR/loads"
	[ -z "${CMK_LONG-}" ] ||
		tests/bench/run scale --json "$BATS_FILE_TMPDIR/scale" >&3
}

# as_one TARGET FILTER: reads and writes cost within 1 % of what they cost on a
# volume with one range, and FILTER holds.  These are instructions: that many
# keys do not stay in the cache of a CPU is not in them.
as_one() {
	local found

	[ -n "${CMK_LONG-}" ] || skip "in the long form"
	found=$(jq -c --arg target "$1" "[.rows | group_by(.rw)[] |
		(map(select(.target == \"one-range\"))[0].per_io) as \$one |
		.[] | select(.target == \$target) |
		. + {ratio: (.per_io / \$one)}]" <"$BATS_FILE_TMPDIR/scale")
	echo "# $(jq -c 'map(.ratio * 10000 | round / 10000)' <<<"$found")" >&3
	jq -e "length == 2 and all(.[]; $2 and
		.ratio >= 0.99 and .ratio <= 1.01)" <<<"$found"
}

# all FILTER LIMIT: each load that FILTER picks is at LIMIT or below
all() {
	local worst

	worst=$(jq "[.[] | select($1)] | max_by(.ratio)" \
		<"$BATS_FILE_TMPDIR/loads")
	echo "# at most $(jq -r '"\(.ratio * 1000 | round / 1000), \(.name)"' \
		<<<"$worst")" >&3
	jq -e ".best > 0 and .ratio <= $2" <<<"$worst"
}

@test "12 loads, five targets each" {
	[ "$(jq '.rows | length' <"$BATS_FILE_TMPDIR/rows")" = 60 ]
	[ "$(jq 'length' <"$BATS_FILE_TMPDIR/loads")" = 12 ]
}

@test "reads, 4096-byte sectors: 0.4" {
	all '.rw == "randread" and .sector_size == 4096' 0.4
}

@test "reads, 512-byte sectors: 0.25" {
	all '.rw == "randread" and .sector_size == 512' 0.25
}

@test "writes as Debian boots: 0.2" {
	all '.rw == "randwrite" and .init_on_alloc' 0.2
}

@test "writes where the kernel clears no pages: 0.4" {
	all '.rw == "randwrite" and (.init_on_alloc | not)' 0.4
}

@test "a volume of 65,536 live ranges: as one of one range" {
	as_one ranges-65536 '.live_ranges == 65536 and .volumes == 1'
}

@test "one of 64 volumes: as one alone" {
	as_one volumes-64 '.live_ranges == 1 and .volumes == 64'
}
