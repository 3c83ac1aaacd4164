#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# What a rekey needs no kernel for: format leaves a record area that is clear,
# an order that cannot be is refused before anything is written, and one that
# was interrupted is in the node's memory.
#
# cmk-timeout: 180

load cmkd

setup() {
	cmkd_config
	cmkd_start
}

teardown() {
	cmkd_stop
}

# refused CODE METHOD PARAMETERS
refused() {
	run ask "${@:2}"
	echo "$output"
	[ "$(jq -r .error.code <<<"$output")" = "$1" ]
}

# junk FILE: nothing in it is zero
junk() { tr '\0' x </dev/zero | dd of="$1" bs=1M count="$2" \
	iflag=fullblock status=none; }

is_clear() {	# FILE MIB
	cmp -n $((4 << 20)) -i $(($2 << 20)):0 "$1" /dev/zero
}

@test "format clears the record area, and that alone beside the header" {
	junk "$DIR/disk" 64
	run ask Format "{\"device\": \"$DIR/disk\", \"range_size\": 4194304}"
	echo "$output"
	[ "$(jq -r .result.data_offset <<<"$output")" = $((16 << 20)) ]
	is_clear "$DIR/disk" 4
	[ "$(tail -c +$(((8 << 20) + 1)) "$DIR/disk" | head -c 4M |
		tr -d x | wc -c)" = 0 ]
	[ "$(tail -c +$(((16 << 20) + 1)) "$DIR/disk" | tr -d x | wc -c)" = 0 ]
}

@test "with a detached header it is on the data device" {
	junk "$DIR/disk" 32
	truncate -s 16M "$DIR/header"
	run ask Format "{\"device\": \"$DIR/disk\", \"range_size\": 4194304,
		\"header\": \"$DIR/header\"}"
	echo "$output"
	[ "$(jq -r .result.data_offset <<<"$output")" = $((4 << 20)) ]
	is_clear "$DIR/disk" 0
	[ "$(tail -c +$(((4 << 20) + 1)) "$DIR/disk" | tr -d x | wc -c)" = 0 ]
}

@test "orders that cannot be" {
	local id='"uuid": "6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a10"'

	refused no-volume Rekey "{$id, \"all\": true}"
	refused no-rekey RekeyAttach "{$id}"
	refused no-rekey RekeyPause "{$id}"
	refused no-rekey RekeyResume "{$id}"
	refused bad-parameter Rekey "{$id, \"all\": 1}"
	refused bad-parameter Rekey "{$id, \"ranges\": 1}"
	refused bad-parameter RekeyPause "{$id, \"all\": true}"
	run "$BIN/cmkctl" rekey vol
	[ "$status" = 2 ]
	run "$BIN/cmkctl" rekey vol --range 5-3
	[ "$status" = 2 ]
	run "$BIN/cmkctl" rekey vol --range -1
	[ "$status" = 2 ]
	run "$BIN/cmkctl" rekey vol --all --range 1
	[ "$status" = 2 ]
	run "$BIN/cmkctl" rekey vol --pause --detach
	[ "$status" = 2 ]
	run "$BIN/cmkctl" rekey vol --all --bandwidth 12
	[ "$status" = 2 ]
}
