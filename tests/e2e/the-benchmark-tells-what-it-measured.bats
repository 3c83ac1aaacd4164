#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-mode: host
# cmk-timeout: 120
#
# What the benchmark makes of figures: which loads it picks, what it subtracts,
# what it compares cmk with, and the picture.  Nothing is measured here.

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	ROWS=$BATS_TEST_TMPDIR/rows.json
	SVG=$BATS_TEST_TMPDIR/plot.svg
}

bench() { tests/bench/run "$@"; }

# py LINE...: Python with the benchmark's parts at hand
py() {
	printf '%s\n' 'from cmkbench import cells, cost, database, parallel' \
		'from cmkbench import report' "$@" |
		PYTHONPATH=tests/bench:tests/vm python3 -B -
}

# cost_rows KIB RW DEFAULT NOQUEUE SAMECPU CMK [SECTOR_SIZE]: overheads of one
# load, of which dm-linear costs 8000
cost_rows() {
	jq -n --argjson kib "$1" --arg rw "$2" --argjson size "${7:-4096}" \
		--argjson o "[0, $3, $4, $5, $6]" '
		["linear", "crypt-default", "crypt-noqueue", "crypt-samecpu",
		 "cmk"] as $names | range(5) |
		{mode: "cost", sector_size: $size, rw: $rw, bs: ($kib * 1024),
		 qd: 1, engine: "psync", disk: "ram", init_on_alloc: true,
		 name: "cost/\($size)/\($rw)/\($kib)k/1", target: $names[.],
		 per_io: (8000 + $o[.]), cipher: 0, overhead: $o[.]}'
}

# rows: what comes in as objects becomes a file of the benchmark
rows() { jq -s '{rows: .}' >"$ROWS"; }

# of NAME: the line of the table that begins so
of() { sed -n "s,^ *$1 ,,p" <<<"$output"; }

@test "a load is picked by its name, its beginning or a pattern" {
	run bench --list 'cost/4096/randread/*/1/null2'
	[ "$output" = "cost/4096/randread/4k/1/null2
cost/4096/randread/64k/1/null2" ]
	run bench --list cost/4096/randread/4k/1
	[ "${#lines[@]}" = 4 ]
	[ "${lines[0]}" = cost/4096/randread/4k/1 ]
	# a beginning ends with a word
	run bench --list cost/4096/randread/4k/3
	[ "$output" = "" ]
	run bench --list scale database/4096/select-only
	[ "$output" = "scale/4096/randread/4k/1
scale/4096/randwrite/4k/1
database/4096/select-only/1" ]
	run bench --list --quick
	[ "${#lines[@]}" = 12 ]
	run bench cost/4096/randread/5k
	[ "$status" = 1 ]
	[[ $output == *"no load has such a name"* ]]
}

@test "no two loads have one name" {
	run bench --list
	[ "$status" = 0 ]
	[ "${#lines[@]}" -gt 150 ]
	[ -z "$(sort <<<"$output" | uniq -d)" ]
}

@test "the overhead is what dm-linear and the cipher do not cost" {
	# reads decrypt, writes encrypt, and each data unit is a call
	run py 'calls = {"decrypt_512": 10, "encrypt_512": 20,
		"decrypt_4096": 70, "encrypt_4096": 90}
loads = [cells.Load("cost", 512, "randread", 4),
	 cells.Load("cost", 4096, "write", 8)]
got = [{"linear": 1000, "cmk": 1500}, {"linear": 2000, "cmk": 2500}]
for row in cost._rows(loads, got, calls):
	print(row["name"], row["target"], row["cipher"], row["overhead"])'
	[ "$output" = "cost/512/randread/4k/1 linear 0 0
cost/512/randread/4k/1 cmk 80 420
cost/4096/write/8k/1 linear 0 0
cost/4096/write/8k/1 cmk 180 320" ]
}

@test "cmk is held against the best of dm-crypt's configurations, load by load" {
	{
		cost_rows 4 randread 400 100 200 50
		cost_rows 8 randread 400 300 200 150
		cost_rows 16 randread 100 300 200 125
	} | rows
	run bench --from "$ROWS"
	[ "$status" = 0 ]
	[[ $(of cost/4096/randread/4k/1) == *" 0.500" ]]
	[[ $(of cost/4096/randread/8k/1) == *" 0.750" ]]
	[[ $(of cost/4096/randread/16k/1) == *" 1.250" ]]
}

@test "the table has what was measured, and the overhead by data unit" {
	cost_rows 8 randread 111 222 333 46 512 | rows
	run bench --from "$ROWS"
	[ "$(of cost/512/randread/8k/1 | tr -s ' ')" = \
		" 8000 0 8111 111 8222 222 8333 333 8046 46 3 0.414" ]
}

@test "no ratio where dm-crypt adds nothing" {
	cost_rows 4 randread 0 10 20 5 | rows
	run bench --from "$ROWS"
	[[ $(of cost/4096/randread/4k/1) == *" -" ]]
}

# From the third round on the host is slow; a configuration of dm-crypt is the
# best as often as not, but one of them is over all rounds.
@test "by the clock, neighbouring runs are compared, with the best" {
	run py 'import json
load = cells.Load("parallel", 4096, "randread", 4, 32, "io_uring")
iops = {"linear": [900, 900, 100, 100, 100],
	"crypt-default": [100, 100, 10, 10, 10],
	"crypt-noqueue": [400, 400, 40, 40, 40],
	"crypt-samecpu": [200, 200, 80, 20, 20],
	"cmk": [300, 320, 30, 30, 31]}
print(json.dumps({"rows": list(parallel._rows(load,
	{target: [(n, 1000 / n) for n in runs]
	 for target, runs in iops.items()}))}))'
	echo "$output" >"$ROWS"
	jq -e '.rows[4] | .iops == 31 and .by_iops["crypt-noqueue"].ratio ==
		0.75 and .by_iops["crypt-default"].ratio == 3' <"$ROWS"
	run bench --from "$ROWS"
	[ "$(of parallel/4096/randread/4k/32 | tr -s ' ' | xargs)" = \
		"100 10 40 80 31 0.750 (0.050) 12 32 1.333 (0.047)" ]
}

@test "transactions a second are compared in the same way" {
	run py 'import json
load = cells.Load("database", 4096, "tpcb-like", 8, 4, "pgbench")
got = {"linear": [90, 90, 9], "crypt-noqueue": [40, 40, 4],
       "cmk": [44, 60, 5]}
print(json.dumps({"rows": list(database.wall_rows(load, got))}))'
	jq -e '.rows[2].by_tps["crypt-noqueue"].ratio == 1.25' <<<"$output"
}

@test "the spread is the middle half by the median" {
	run py 'print(parallel.spread([10, 20, 30, 40, 50, 60, 70]))
print(parallel.spread([100, 100, 100, 100, 1000]))
print(parallel.spread([1, 2, 3]))'
	[ "$output" = "1.0
4.5
None" ]
}

@test "many ranges and volumes are told as a part of one" {
	jq -n '["one-range", "ranges-65536", "volumes-64"] as $names |
		range(3) | {mode: "scale", name: "scale/4096/randread/4k/1",
		target: $names[.], per_io: [10000, 10050, 9900][.]}' | rows
	run bench --from "$ROWS"
	[ "$(of scale/4096/randread/4k/1 | tr -s ' ')" = \
		" 10000 (1.0000) 10050 (1.0050) 9900 (0.9900)" ]
}

@test "of a transaction, the cipher's part is that of its blocks" {
	run py 'import json
calls = {"decrypt_4096": 1000, "encrypt_4096": 2000,
	 "decrypt_512": 1, "encrypt_512": 1}
load = cells.Load("database", 4096, "tpcb-like", 8, 1, "pgbench")
runs = {"linear": 50000, "crypt-default": 70000, "crypt-noqueue": 66000,
	"crypt-samecpu": 68000, "cmk": 62500}
got = {name: [(value * 2, 16, 32), (value, 16, 32), (value / 2, 0, 0)]
       for name, value in runs.items()}
got["cmk"][0] = (66000, 99, 99)
print(json.dumps({"rows": list(database.cost_rows(load, got, calls))}))'
	echo "$output" >"$ROWS"
	jq -e '.rows[4] | .blocks_read == 2 and .blocks_written == 4 and
		.cipher == 10000 and .overhead == 2500 and .runs == 3' <"$ROWS"
	jq -e '.rows[0] | .cipher == 0 and .overhead == 0' <"$ROWS"
	run bench --from "$ROWS"
	[ "$(of cmk | tr -s ' ' | head -n 1)" = \
		" 62500 (-) 2.00 4.00 10000 2500 0.800" ]
	# By rounds 66 of 132, 62.5 of 66, 31.25 of 33
	[ "$(of "cmk by the best" | xargs)" = "0.947 (-)" ]
}

@test "rows that are read are those that are asked for, and can be kept" {
	{
		cost_rows 4 randread 400 100 200 50
		cost_rows 8 randwrite 400 100 200 50
	} | rows
	run bench --from "$ROWS" --json "$BATS_TEST_TMPDIR/kept" '*/*/randwrite'
	[ "$status" = 0 ]
	[[ $output != *randread* ]]
	[ "$(jq -c '.rows' <"$BATS_TEST_TMPDIR/kept")" = \
		"$(jq -c '.rows[5:]' <"$ROWS")" ]
	run bench --from "$ROWS" cost/512
	[ "$status" = 1 ]
	[[ $output == *"no load has such a name"* ]]
}

@test "a file without rows is refused in one line" {
	local text

	for text in '{"rows": [' '{"lines": []}' '[]' '{"rows": [1]}'; do
		echo "$text" >"$ROWS"
		run bench --from "$ROWS"
		[ "$status" = 1 ]
		[ "${#lines[@]}" = 1 ]
		[[ $output == "tests/bench/run: "*rows.json* ]]
	done
}

# svg: what is to be seen in the picture, one thing a line
svg() {
	python3 -c 'import sys
import xml.etree.ElementTree as tree
for e in tree.parse(sys.argv[1]).iter():
	if e.tag.endswith("}title") or e.tag.endswith("}text"):
		print("".join(e.itertext()).strip())' "$SVG"
}

@test "the picture shows what it is to show, and nothing else" {
	{
		cost_rows 4 randread 4000 1000 2000 310
		cost_rows 1024 randread 400000 500000 600000 50000
		cost_rows 4 randwrite 9000 8000 7000 1400
		cost_rows 8 randwrite 9000 8000 7000 770 512
	} | rows
	run bench --from "$ROWS" --plot "$SVG"
	[ "$status" = 0 ]
	run svg
	[ "$(grep -cx 'dm-crypt, default' <<<"$output")" = 3 ]
	[ "$(grep -cx 'dm-crypt, best configuration' <<<"$output")" = 3 ]
	[ "$(grep -cx 'cmk, its ratio to the best' <<<"$output")" = 3 ]
	[ "$(grep -x '[01]\.[0-9][0-9]' <<<"$output" | xargs)" = \
		"0.31 0.12 0.20" ]
	[ "$(grep -x '[0-9]*[kM]' <<<"$output" | sort | uniq -c |
		grep -w '4k' | xargs)" = "2 4k" ]
	[[ $output != *8k* ]]
}

@test "no rows for the picture: no picture" {
	cost_rows 4 randread 4000 1000 2000 310 | rows
	run bench --from "$ROWS" --plot "$SVG"
	[ "$status" = 1 ]
	[[ $output == *"no rows for a plot"* ]]
	[ ! -e "$SVG" ]
}
