#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: plain
# cmk-disk: 256M
# cmk-cpus: 1
# cmk-timeout: 500
#
# The node, not the disk, says which key opens a volume and which header is
# the volume's: another KEK, an older header and an exchanged one are refused
# by name, before a key is asked for, and taken only on a person's word.

load ../lib/guest
load cmk
load agent

setup() {
	modprobe dm-cmk
	vault_start
	agent_config
	agent_start
	volume_make "${FORMAT[@]}"
	cmkctl close vol
	STATE=/var/lib/cmk/state/$VOL_UUID.json
}

teardown() { all_down; }

# refused CODE [OPTION...]: open fails with this code, nothing is mapped
refused() {
	local code=$1
	shift

	run cmkctl --json open "$CMK_DISK" vol --wait 0 "$@"
	echo "$output"
	[ "$status" = 6 ] || [ "$status" = 4 ]
	[ "$(jq -r .error.code <<<"${lines[-1]}")" = "$code" ]
	[ ! -e "$VOL" ]
}

unwraps() { jq -r .op "$KV_DIR/requests.log" | grep -ic '^unwrap' || true; }

@test "another KEK than the node allows is not asked" {
	local before

	ctl key create other >/dev/null
	before=$(unwraps)
	refused kek-not-allowed --kek "$KV_URL/keys/other"
	refused kek-not-allowed --kek service
	refused kek-not-allowed --kek "$KV_URL/keys/pg/00000000000000000000000000000000"
	[ "$(unwraps)" = "$before" ]
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
}

@test "an older header is refused, and taken on a person's word" {
	jq '.seq = 99' "$STATE" >"$STATE.new"
	mv "$STATE.new" "$STATE"
	refused header-rolled-back --kek "$KEK"
	cmkctl open "$CMK_DISK" vol --kek "$KEK" --accept-header
	grep -q "another header was accepted" "$BATS_TEST_TMPDIR/cmkd.log"
	[ "$(jq .seq "$STATE")" = 1 ]
}

@test "an exchanged header is refused, and taken on a person's word" {
	cp "$STATE" "$BATS_TEST_TMPDIR/state"
	volume_make --uuid "$VOL_UUID"
	cmkctl close vol
	cp "$BATS_TEST_TMPDIR/state" "$STATE"
	refused header-exchanged --kek "$KEK"
	cmkctl open "$CMK_DISK" vol --kek "$KEK" --accept-header
}

@test "a damaged state file is not taken for none" {
	echo '{' >"$STATE"
	run cmkctl open "$CMK_DISK" vol --kek "$KEK" --wait 0
	echo "$output"
	[ "$status" = 1 ]
	[[ "$output" == *"$STATE"*damaged* ]]
	[ ! -e "$VOL" ]
}

@test "an expired key opens nothing" {
	ctl key exp pg $(($(date +%s) - 10)) >/dev/null
	refused kek-expired --kek "$KEK"
	ctl key exp pg none >/dev/null
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
}

@test "no volume is made under a key that is not valid yet" {
	ctl key nbf pg +3600 >/dev/null
	run cmkctl --json format "$CMK_DISK" --force --kek "$KEK"
	echo "$output"
	[ "$status" = 4 ]
	[[ "$output" == *kek-expired*"not valid yet, by its nbf"* ]]
	ctl key nbf pg none >/dev/null
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
}

@test "one damaged copy is made whole, two are refused" {
	printf '\1' | dd of="$CMK_DISK" bs=1 seek=400 conv=notrunc status=none
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
	grep -q "copy A of the header.*repaired" "$BATS_TEST_TMPDIR/cmkd.log"
	cmkctl close vol
	cmkctl dump "$CMK_DISK"
	printf '\1' | dd of="$CMK_DISK" bs=1 seek=400 conv=notrunc status=none
	printf '\1' | dd of="$CMK_DISK" bs=1 seek=$(((12 << 20) + 400)) \
		conv=notrunc status=none
	refused header-damaged --kek "$KEK"
}
