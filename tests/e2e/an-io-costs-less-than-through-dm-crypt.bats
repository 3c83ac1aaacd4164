#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-mode: host
# cmk-timeout: 1200
#
# The short form of the benchmark: what the module adds to an I/O, beside what
# dm-crypt adds in the best of its configurations for each load.

setup_file() {
	tests/bench/run --quick --json "$BATS_FILE_TMPDIR/rows" >&3
	jq '[.rows | group_by(.name)[] |
		map({key: .target, value: .overhead}) as $o |
		.[0] + ($o | from_entries) |
		.best = ([."crypt-default", ."crypt-noqueue",
			  ."crypt-samecpu"] | min) |
		.ratio = .cmk / .best]' \
		<"$BATS_FILE_TMPDIR/rows" >"$BATS_FILE_TMPDIR/loads"
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
