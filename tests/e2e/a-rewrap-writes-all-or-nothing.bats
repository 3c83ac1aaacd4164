#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# A rewrap of a volume that nobody has open, in both modes: what comes out is
# under the new key alone, and whatever fails on the way leaves each byte of
# the header as it was.
#
# cmk-timeout: 180

load kvemu/kvemu
load cmkd

setup() {
	DIR=$BATS_TEST_TMPDIR
	mkdir "$DIR/run"
	kvemu_start
	ctl key create pg >/dev/null
	ctl key create other >/dev/null
	config
	cmkd_start
	truncate -s 64M "$DIR/disk"
}

config() {
	cmkd_config '[Azure]' "ImdsEndpoint=$KV_IMDS" "CaFile=$KV_DIR/ca.pem" "$@"
}

teardown() {
	cmkd_stop
	kvemu_stop
}

# ask METHOD PARAMETERS: the answer, its progress in $DIR/progress
ask() {
	jq -nc --arg m "$1" --argjson p "$2" '{method: $m, parameters: $p}' |
		socat -t 40 - "UNIX-CONNECT:$DIR/run/cmkd.sock" >"$DIR/answer"
	grep '"progress"' "$DIR/answer" >"$DIR/progress" || true
	tail -n 1 "$DIR/answer"
}

format() {
	UUID=$(ask Format "{\"device\": \"$DIR/disk\", \"wrap\": \"$1\",
		\"kek\": \"$KV_URL/keys/pg\", \"range_size\": 4194304}" |
		jq -er .result.uuid)
}

rewrap() { ask Rewrap "{\"uuid\": \"$UUID\"}"; }

set_kek() { ask SetKek "{\"uuid\": \"$UUID\", \"kek\": \"$1\"}"; }

state() { jq -r ".$1" "$DIR/lib/state/$UUID.json"; }

# seen TEXT: is it in the header, in either copy, or in a backup?
seen() { grep -qF "$1" "$DIR/disk" || grep -qrF "$1" "$DIR/lib/backup"; }

unseen() {
	if seen "$1"; then
		echo "$1 is still there"
		return 1
	fi
}

follows_rotation() {
	local ops=$2 one two

	format "$1"
	one=$(state kid)
	seen "${one##*/}"
	ctl key rotate pg >/dev/null
	run rewrap
	is ".result.changed and .result.former == \"$one\" and
		.result.exposed == 0 and .result.vault_operations == $ops"
	# fewer where the reader is slow
	jq -se "map(.progress.done) | length > 1 and . == sort and
		all(. >= 1 and . <= $ops)" "$DIR/progress"
	jq -se "map(.progress.total) | unique == [$ops]" "$DIR/progress"
	two=$(state kid)
	[ "$(state former)" = "$one" ]
	unseen "${one##*/}"
	seen "${two##*/}"

	# The old version is needed for nothing: all keys go through the new.
	ctl key disable pg "${one##*/}" >/dev/null
	run rewrap
	is '.result.changed == false'
	run set_kek "$KV_URL/keys/other"
	is '.result.changed and .result.exposed == 12'
	unseen "${two##*/}"
	[ "$(state kek)" = "$KV_URL/keys/other" ]
	[ "$(ls "$DIR/lib/backup" | wc -l)" = 1 ]
}

@test "rotation, then another key, mode hk" {
	follows_rotation hk 3
}

# 12 ranges and the header key, three operations each
@test "rotation, then another key, mode direct" {
	follows_rotation direct 39
}

# changes_nothing CODE COMMAND...
changes_nothing() {
	local code=$1 before
	shift

	before=$(sha256sum <"$DIR/disk"; cat "$DIR/lib/state/$UUID.json"
		ls "$DIR/lib/backup")
	run "$@"
	is ".error.code == \"$code\""
	[ "$before" = "$(sha256sum <"$DIR/disk"; cat "$DIR/lib/state/$UUID.json"
		ls "$DIR/lib/backup")" ]
}

# wrapped N: returns when N keys are
wrapped() {
	until [ "$(grep -c '"op":"wrapKey"' "$KV_DIR/requests.log")" -ge "$1" ]
	do
		sleep 0.02
	done
}

# after N COMMAND...: the control command is given when N keys are wrapped
after() {
	wrapped "$1"
	ctl "${@:2}" >/dev/null
}

@test "a key that is no good, or goes bad half-way, changes nothing" {
	local wraps

	format direct
	changes_nothing kek-deleted set_kek "$KV_URL/keys/nosuch"
	ctl key disable other >/dev/null
	changes_nothing kek-disabled set_kek "$KV_URL/keys/other"
	ctl key enable other >/dev/null
	ctl deny default wrapKey >/dev/null
	changes_nothing no-permission set_kek "$KV_URL/keys/other"
	ctl allow default wrapKey >/dev/null

	wraps=$(grep -c '"op":"wrapKey"' "$KV_DIR/requests.log")
	ctl switch slow 400 >/dev/null
	after $((wraps + 5)) key disable other 3>&- &
	changes_nothing kek-disabled set_kek "$KV_URL/keys/other"
	wait $!
	ctl switch slow 0 >/dev/null
	ctl key enable other >/dev/null
	run set_kek "$KV_URL/keys/other"
	is .result.changed
}

@test "throttled: waits as the vault says, and is done" {
	format direct
	ctl key rotate pg >/dev/null
	ctl switch retry-after 2 >/dev/null
	ctl switch throttle 2 >/dev/null
	run rewrap
	is .result.changed
	[ "$(grep -c '"status":429' "$KV_DIR/requests.log")" = 2 ]
}

@test "killed half-way: the header is as it was, and the rewrap goes again" {
	local before wraps

	format direct
	ctl key rotate pg >/dev/null
	before=$(sha256sum <"$DIR/disk")
	wraps=$(grep -c '"op":"wrapKey"' "$KV_DIR/requests.log")
	ctl switch slow 400 >/dev/null
	rewrap >"$DIR/none" 3>&- &
	CALLER=$!
	wrapped $((wraps + 5))
	kill -9 $PID
	wait $PID || true
	wait "$CALLER" || true
	ctl switch slow 0 >/dev/null
	[ "$(sha256sum <"$DIR/disk")" = "$before" ]
	cmkd_start
	run rewrap
	is .result.changed
}

# The agent stops where it would write what the node remembers, and is killed.
killed_between() {
	local fifo=$DIR/lib/state/$UUID.json.tmp

	mkfifo "$fifo"
	set_kek "$KV_URL/keys/other" >"$DIR/none" 3>&- &
	CALLER=$!
	until grep -qF /keys/other/ "$DIR/disk"; do
		sleep 0.1
	done
	sleep 1
	kill -9 $PID
	wait $PID || true
	wait "$CALLER" || true
	rm "$fifo"
	cmkd_start
}

killed_while_keks_change() {
	local before

	format "$1"
	before=$(state kid)
	killed_between
	seen "${before##*/}"
	[ "$("${KVEMU%/*}/cmkctl" --json dump "$DIR/disk" |
		jq '.keks | length')" = 2 ]

	# As if it was killed one step later; goes on with either command.
	jq --arg k "$KV_URL/keys/other" '.leaving = .kid | .kek = $k' \
		"$DIR/lib/state/$UUID.json" >"$DIR/state"
	cp "$DIR/disk" "$DIR/both"
	run set_kek "$KV_URL/keys/other"
	is .result.changed
	unseen "${before##*/}"
	cp "$DIR/state" "$DIR/lib/state/$UUID.json"
	# two steps later
	run rewrap
	is '.result.kid | contains("/keys/other/")'
	[ "$(state leaving)" = "" ]
	cp "$DIR/both" "$DIR/disk"
	cp "$DIR/state" "$DIR/lib/state/$UUID.json"
	run rewrap
	is '.result.changed and (.result.kid | contains("/keys/other/"))'
	unseen "${before##*/}"
}

@test "killed while the KEKs are exchanged, mode hk" {
	killed_while_keks_change hk
}

@test "killed while the KEKs are exchanged, mode direct" {
	killed_while_keks_change direct
}

@test "not more at once than half of what the vault may be asked" {
	kill $PID
	wait $PID || true
	config MaxConcurrent=4
	cmkd_start
	format direct
	ctl key rotate pg >/dev/null
	ctl switch slow 200 >/dev/null
	SECONDS=0
	run rewrap
	is .result.changed
	# 36 operations of slots, two at once
	[ "$SECONDS" -ge 3 ]
}

asked() { wc -l <"$KV_DIR/requests.log"; }

@test "one at a time for a volume" {
	local before

	format hk
	ctl key rotate pg >/dev/null
	ctl switch slow 1500 >/dev/null
	before=$(asked)
	rewrap >"$DIR/first" 3>&- &
	# The first of its three operations has been answered.
	until [ "$(asked)" -gt "$before" ]; do
		sleep 0.02
	done
	run rewrap
	is '.error.code == "busy" and .error.retryable'
	wait $!
	run rewrap
	is '.result.changed == false'
}

@test "a header that another hand has changed is not written over" {
	format hk
	ctl key rotate pg >/dev/null
	cp --sparse=always "$DIR/disk" "$DIR/old"
	run rewrap
	is .result.changed
	cp --sparse=always "$DIR/old" "$DIR/disk"
	changes_nothing header-rolled-back rewrap
}

@test "what is no copy of the header is not written over" {
	format hk
	ctl key rotate pg >/dev/null
	head -c 8192 /dev/zero | tr '\\0' x |
		dd of="$DIR/disk" conv=notrunc status=none
	changes_nothing header-copies rewrap
	changes_nothing header-copies set_kek "$KV_URL/keys/other"
}

@test "a damaged copy is made whole, and the key stays in use" {
	local former

	format hk
	ctl key rotate pg >/dev/null
	run rewrap
	former=$(state former)
	printf x | dd of="$DIR/disk" bs=1 seek=5000 conv=notrunc status=none
	run rewrap
	is '.result.changed and .result.former == ""'
	[ "$(state former)" = "$former" ]
	run rewrap
	is '.result.changed == false'
}

@test "backups that were not replaced are by the next rewrap" {
	local one

	format hk
	one=$(state kid)
	ctl key rotate pg >/dev/null
	mkdir "$DIR/lib/backup/$UUID-0000000002.hdr.tmp"
	run rewrap
	is '.error.status == 7 and .error.code == "backup"'
	seen "${one##*/}"
	rmdir "$DIR/lib/backup/$UUID-0000000002.hdr.tmp"
	run rewrap
	is '.result.changed == false'
	unseen "${one##*/}"
	[ "$(ls "$DIR/lib/backup")" = "$UUID-0000000002.hdr" ]
}

@test "what was written is said, though the node cannot write it down" {
	format hk
	ctl key rotate pg >/dev/null
	mkdir "$DIR/lib/state/$UUID.json.tmp"
	run rewrap
	is '.error.status == 7 and .error.code == "state"'
	grep -q "rewrapped, but not to the end" "$DIR/log"
	run set_kek "$KV_URL/keys/other"
	is '.error.status == 7 and .error.code == "state"'
	grep -q "in part, the former key is needed" "$DIR/log"
	rmdir "$DIR/lib/state/$UUID.json.tmp"
	run set_kek "$KV_URL/keys/other"
	is .result.changed
}

@test "to the node's key, which is made by that, and back" {
	local mode

	for mode in hk direct; do
		rm -f "$DIR/service.kek"
		format "$mode"
		run set_kek service
		is '.result.changed and .result.exposed == 12 and
			(.result.kid | startswith("service:"))'
		[ -s "$DIR/service.kek" ]
		[ "$("${KVEMU%/*}/cmkctl" --json dump "$DIR/disk" |
			jq -r '.keks[].thumbprint | length')" = 64 ]
		"${KVEMU%/*}/cmkctl" --json dump "$DIR/disk" |
			jq -e '.keks[].thumbprint | test("[1-9a-f]")'
		run set_kek "$KV_URL/keys/other"
		is '.result.changed'
		unseen service:
	done
}
