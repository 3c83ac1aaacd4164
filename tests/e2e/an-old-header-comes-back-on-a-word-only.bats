#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# header check, backup, restore and repair of volumes that nobody has open: a
# damaged copy is made from the other, a lost header comes back from its
# backup, and a backup that is not the last header comes back on a person's
# word, but never over a key that was replaced since.  Nothing is written over
# what is in use, cannot be read, or has changed while the vault was asked.
#
# cmk-timeout: 300

load kvemu/kvemu
load cmkd

setup() {
	DIR=$BATS_TEST_TMPDIR
	CTL=${KVEMU%/*}/cmkctl
	mkdir "$DIR/run"
	kvemu_start
	ctl key create pg >/dev/null
	cmkd_config '[Azure]' "ImdsEndpoint=$KV_IMDS" "CaFile=$KV_DIR/ca.pem"
	cmkd_start
	DISK=$DIR/disk
	truncate -s 64M "$DISK"
	UUID=$(ask Format "{\"device\": \"$DISK\", \"kek\": \"$KV_URL/keys/pg\",
		\"wrap\": \"direct\", \"range_size\": 16777216}" |
		jq -er .result.uuid)
	STATE=$DIR/lib/state/$UUID.json
	"$CTL" header backup "$DISK" "$DIR/first"
}

teardown() {
	if [ -n "$LOOP" ]; then losetup -d "$LOOP"; fi
	cmkd_stop
	kvemu_stop
}

header_sum() { head -c 16M "$1" | sha256sum; }
restore() {
	ask HeaderRestore "{\"path\": \"$DISK\", \"file\": \"$1\",
		\"accept_header\": ${2-false}}"
}
repair() { ask HeaderRepair "{\"path\": \"$DISK\"}"; }

# refused CODE COMMAND...: and the disk is as it was
refused() {
	local before

	before=$(header_sum "$DISK")
	run "${@:2}"
	is ".error.code == \"$1\""
	[ "$(header_sum "$DISK")" = "$before" ]
}

rewrapped() {
	ctl key rotate pg >/dev/null
	ask Rewrap "{\"uuid\": \"$UUID\"}" | jq -e .result.changed
}

wipe() { dd if=/dev/zero of="$DISK" bs=1M count=16 conv=notrunc status=none; }
spoil() { printf x | dd of="$DISK" bs=1 seek="$1" conv=notrunc status=none; }

@test "the backup is the header, and the same comes back over nothing" {
	[ "$(header_sum "$DIR/first")" = "$(header_sum "$DISK")" ]
	[ "$(stat -c %a "$DIR/first")" = 600 ]
	run "$CTL" header backup "$DISK" "$DIR/first"
	[ "$status" = 6 ]
	run "$CTL" header backup "$DISK" "$DIR/other"
	[[ $output = *"no range is rekeyed"* ]]
	wipe
	run restore "$DIR/first"
	is '.result.seq == 1'
	[ "$(header_sum "$DIR/first")" = "$(header_sum "$DISK")" ]
	"$CTL" header check "$DISK"
}

@test "a bad copy is named, and made from the other, whichever it is" {
	local at before

	before=$(header_sum "$DISK")
	for at in 700 $(((12 << 20) + 700)); do
		spoil "$at"
		run "$CTL" header check "$DISK"
		[ "$status" = 6 ]
		run repair
		is '.result.seq == 1'
		"$CTL" header check "$DISK"
		[ "$(header_sum "$DISK")" = "$before" ]
	done
	spoil 700
	spoil $(((12 << 20) + 700))
	refused header-damaged repair
}

@test "a copy is not made of one that the header key does not vouch for" {
	"$BATS_TEST_DIRNAME/forge" "$DISK"
	refused header-forged repair
}

@test "an older header: refused by date and sequence, taken on a word" {
	rewrapped
	refused header-rolled-back restore "$DIR/first"
	is '.error.message | test("20[0-9-]+ .* sequence 1, generations 3.*\\(sequence 2\\)")'
	wipe
	refused header-rolled-back restore "$DIR/first"
	run restore "$DIR/first" true
	is '.result.seq == 1'
	[ "$(jq .seq "$STATE")" = 1 ]
}

@test "a node that knows nothing does not guess" {
	wipe
	mv "$STATE" "$DIR/state"
	refused header-rolled-back restore "$DIR/first"
	is '.error.message | contains("does not know")'
	run restore "$DIR/first" true
	is '.result.seq == 1'
}

@test "never over a key that was replaced, as the node knows it" {
	wipe
	jq '.generations = 4' "$STATE" >"$STATE.new"
	mv "$STATE.new" "$STATE"
	refused generation restore "$DIR/first"
	refused generation restore "$DIR/first" true
}

@test "nor over another volume, nor one that is forged" {
	cp --sparse=always "$DISK" "$DIR/mine"
	ask Format "{\"device\": \"$DISK\", \"kek\": \"$KV_URL/keys/pg\"}" |
		jq -e .result
	refused uuid restore "$DIR/first" true
	wipe
	"$BATS_TEST_DIRNAME/forge" "$DIR/first"
	refused header-forged restore "$DIR/first" true
}

@test "not while the vault says no" {
	wipe
	ctl key disable pg >/dev/null
	refused kek-disabled restore "$DIR/first"
}

# The kernel lets one at a time open a device so: whoever mounts or maps it.
@test "not over a device that somebody uses" {
	LOOP=$(losetup -f --show "$DISK") || skip "no loop device"
	DISK=$LOOP
	mkfifo "$DIR/held"
	python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)
open(sys.argv[2], "w").close()
sys.stdin.read()' "$LOOP" "$DIR/held" < <(sleep 20) 3>&- &
	HOLDER=$!
	cat "$DIR/held"
	refused device-busy restore "$DIR/first"
	refused device-busy restore "$DIR/first" true
	kill $HOLDER
	wait $HOLDER || true
	run restore "$DIR/first"
	is '.result.seq == 1'
}

@test "a header that is apart comes not back over the data" {
	truncate -s 64M "$DIR/data" "$DIR/apart"
	ask Format "{\"device\": \"$DIR/data\", \"header\": \"$DIR/apart\",
		\"kek\": \"$KV_URL/keys/pg\"}" | jq -e .result
	"$CTL" header backup "$DIR/apart" "$DIR/second"
	DISK=$DIR/data
	refused data-device restore "$DIR/second"
	refused data-device restore "$DIR/second" true
	ln "$DIR/data" "$DIR/alias"
	DISK=$DIR/alias
	refused data-device restore "$DIR/second" true
	DISK=$DIR/apart
	run restore "$DIR/second"
	is '.result.seq == 1'
}

# while_waiting COMMAND...: its vault is slow, and the test goes on meanwhile
while_waiting() {
	ctl switch slow 8000 >/dev/null
	"$@" >"$DIR/waited" 3>&- &
	WAITER=$!
	sleep 2
	ctl switch slow 0 >/dev/null
}

# overtaken CODE: what has waited writes nothing
overtaken() {
	local before

	before=$(header_sum "$DISK"; cat "$STATE")
	wait $WAITER
	output=$(cat "$DIR/waited")
	is ".error.code == \"$1\""
	[ "$(header_sum "$DISK"; cat "$STATE")" = "$before" ]
}

@test "what was read before the vault's answer is not believed after it" {
	while_waiting restore "$DIR/first"
	rewrapped
	overtaken header-rolled-back

	spoil 700
	while_waiting repair
	rewrapped
	overtaken header-changed

	spoil 700
	while_waiting repair
	ask Erase "{\"path\": \"$DISK\"}" | jq -e .result
	overtaken no-header
}

@test "not while its keys are being wrapped anew" {
	ctl key rotate pg >/dev/null
	while_waiting ask Rewrap "{\"uuid\": \"$UUID\"}"
	run repair
	is '.error.code == "busy" and .error.retryable'
	run restore "$DIR/first"
	is '.error.code == "busy" and .error.retryable'
	wait $WAITER
	jq -e .result.changed "$DIR/waited"
}

@test "what cannot be read is not for that reason nothing" {
	local at

	for at in 8 $(((12 << 20) + 8)); do
		printf '\2' | dd of="$DISK" bs=1 seek=$at conv=notrunc status=none
	done
	refused header-version restore "$DIR/first"
	refused header-version restore "$DIR/first" true
}

@test "a node that does not know the volume does not trust the disk either" {
	mv "$STATE" "$DIR/state"
	refused header-rolled-back restore "$DIR/first"
	is '.error.message | contains("does not know")'
	run restore "$DIR/first" true
	is '.result.seq == 1'
}

@test "the copy that was just kept is not the one that is too many" {
	local n

	for n in 1 2 3; do
		cp --sparse=always "$DIR/first" \
			"$DIR/lib/backup/$UUID-999999999$n.hdr"
	done
	ctl key rotate pg >/dev/null
	run ask Rewrap "{\"uuid\": \"$UUID\"}"
	is '.result.changed'
	[ -s "$(jq -r .result.header_backup <<<"$output")" ]
}

# Somebody may open the other end, and then the agent would wait for him.
@test "a pipe is no device, and stops nobody" {
	mkfifo "$DIR/pipe"
	DISK=$DIR/pipe
	repair >"$DIR/answer" 3>&- &
	WAITER=$!
	for _ in {1..200}; do
		[ ! -s "$DIR/answer" ] || break
		sleep 0.1
	done
	output=$(cat "$DIR/answer")
	: <>"$DIR/pipe"
	wait $WAITER || true
	is '.error.code == "header-open" and .error.status == 6'
}
