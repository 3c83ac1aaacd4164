#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-icount
#
# The kernel measures its own cipher; no volume, no device, no agent is needed.

load ../lib/guest
load cmk

setup() { modprobe dm-cmk; }

speed() { jq ".results[] | select(.sector_size == $1) | .$2.$3" <<<"$output"; }

@test "four sizes, both directions, with the driver that volumes use" {
	local size what way

	run --separate-stderr cmkctl --json benchmark
	[ "$status" = 0 ]
	[ "$(jq -c '[.results[].sector_size]' <<<"$output")" = \
		'[512,1024,2048,4096]' ]
	for size in 512 1024 2048 4096; do
		for what in cipher volume; do
			for way in encrypt decrypt; do
				[ "$(speed $size $what ${way}_kib_s)" -gt 1024 ]
			done
		done
	done
	modprobe brd rd_nr=1 rd_size=65536
	cmk_create cmk /dev/ram0 131072 0 0 131072
	driver=$(field driver "$(dmsetup status cmk)")
	gone cmk
	rmmod brd
	[ "$(jq -r .driver <<<"$output")" = "$driver" ]
}

# What each data unit costs beside its bytes shows, by the clock that counts
# instructions, since the quickest of a busy host proves nothing: with those of
# xts-aes-aesni-avx a byte costs 1.23 times as much in units of 512 bytes.
@test "the figures tell small data units from large ones" {
	run --separate-stderr cmkctl --json benchmark
	[ "$status" = 0 ]
	echo "# $(jq -c '.results[]' <<<"$output" | paste -sd' ')" >&3
	[ $(($(speed 512 cipher decrypt_kib_s) * 11 / 10)) -lt \
		"$(speed 4096 cipher decrypt_kib_s)" ]
}

@test "a table for people, in MiB a second" {
	run cmkctl benchmark
	[ "$status" = 0 ]
	[ "$(grep -c '^#' <<<"$output")" = 4 ]
	grep -qE '^ +4096( +[0-9]+\.[0-9]){4}$' <<<"$output"
}

@test "one at a time, of a size that a table may name" {
	nl "benchmark 4096" "!benchmark 512" >/tmp/said
	grep -q 'EBUSY: .*a benchmark is under way' /tmp/said
	nl "!benchmark 513" "!benchmark 8192" >/tmp/said
	[ "$(grep -c 'ERANGE: .*512, 1024, 2048 or 4096' /tmp/said)" = 2 ]
	# The one that was begun ends, and the next may begin.
	for _ in {1..100}; do
		! nl "benchmark 512" >/dev/null || return 0
		sleep 0.1
	done
	false
}

@test "the module can go in the middle of one" {
	# The test before this one may have left one under way.
	modprobe -r dm-cmk
	for _ in 1 2 3 4 5; do
		modprobe dm-cmk
		nl "benchmark 4096"
		modprobe -r dm-cmk
	done
	modprobe dm-cmk
	run cmkctl -q benchmark
	[ "$status" = 0 ]
	[ -z "$output" ]
}
