#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# What fails after a header was written is told as done in part, with what is
# missing and what to do about it; and that is then enough.

load cmkd
UUID=6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a10

setup() {
	DIR=$BATS_TEST_TMPDIR
	DISK=$DIR/disk
	STATE=$DIR/lib/state/$UUID.json
	BACKUP=$DIR/lib/backup/$UUID-0000000001.hdr
	mkdir "$DIR/run"
	truncate -s 64M "$DISK"
	cmkd_config '[Azure]' ImdsEndpoint=http://127.0.0.1:1
	cmkd_start
}

teardown() {
	cmkd_stop
}

format() { ask Format "{\"device\": \"$DISK\", \"uuid\": \"$UUID\"}"; }
ensure() {
	ask HeaderRepair "{\"path\": \"$DISK\", \"device\": \"$DISK\",
		\"kek\": \"service\"}"
}

# The file that is written aside cannot be.
prevent() { mkdir "$1.tmp"; }
allow() { rmdir "$1.tmp"; }

# in_part CODE WORD
in_part() {
	is ".error.status == 7 and .error.code == \"$1\""
	is '.error.message | contains("the header is written")'
	is ".error.message | contains(\"$2\")"
	"$BIN/cmkctl" header check "$DISK"
}

whole() {
	[ "$(jq -r .device "$STATE")" = "$DISK" ]
	[ "$(jq -r .kek "$STATE")" = service ]
	[ "$(jq -r .seq "$STATE")" = 1 ]
	[ "$(jq -r '.hk_id | length' "$STATE")" = 64 ]
	"$BIN/cmkctl" header check "$BACKUP"
}

@test "a format without a backup, which --ensure makes" {
	local before

	prevent "$BACKUP"
	run format
	in_part backup --ensure
	grep -q "formatted in part: " "$DIR/log"
	[ ! -e "$STATE" ]
	allow "$BACKUP"
	before=$(sha256sum "$DISK")
	run ensure
	is '.result.seq == 1'
	whole
	[ "$(sha256sum "$DISK")" = "$before" ]
}

@test "a format without a state file, which is the same afterwards" {
	local hk

	run format
	is '.result'
	whole
	cp "$STATE" "$DIR/state"
	rm "$STATE"
	run ensure
	is '.result.seq == 1'
	cmp "$STATE" "$DIR/state"

	prevent "$STATE"
	run format
	in_part state --ensure
	[ -s "$BACKUP" ]
	run ensure
	is '.error.code == "header-exchanged"'
	allow "$STATE"
	rm "$STATE"
	hk=$(jq .hk_id "$DIR/state")
	run ensure
	is '.result.seq == 1'
	whole
	[ "$(jq .hk_id "$STATE")" != "$hk" ]
}

@test "what is there is left as it is" {
	run format
	echo old >"$BACKUP"
	cp "$STATE" "$DIR/state"
	run ensure
	is '.result.seq == 1'
	cmp "$STATE" "$DIR/state"
	[ "$(<"$BACKUP")" = old ]
	run ask HeaderRepair "{\"path\": \"$DISK\", \"device\": \"$DISK\"}"
	is '.error.status == 2 and (.error.message | contains("kek"))'
}

@test "a header restore that the node cannot remember" {
	local restore="{\"path\": \"$DISK\", \"file\": \"$DIR/first\"}"

	run format
	"$BIN/cmkctl" header backup "$DISK" "$DIR/first"
	dd if=/dev/zero of="$DISK" bs=1M count=16 conv=notrunc status=none
	prevent "$STATE"
	run ask HeaderRestore "$restore"
	in_part state "restore it again"
	allow "$STATE"
	run ask HeaderRestore "$restore"
	is '.result.seq == 1'
	whole
}
