#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: plain
# cmk-disk: 64M
# cmk-disk: 64M
# cmk-cpus: 1
# cmk-timeout: 600
#
# A device that carries or does anything is refused with status 6 and is left
# as it was, byte by byte.  --force overwrites what is left on a device, never
# one that is in use.

load ../lib/guest
load cmk
load agent

setup() { service_up OfflineGrace=4h; }

teardown() {
	gone top
	umount /mnt 2>/dev/null || true
	swapoff "$CMK_DISK" 2>/dev/null || true
	all_down
	blkdiscard -f "$CMK_DISK"
}

sum() { dd if="$CMK_DISK" bs=1M iflag=direct status=none | md5sum; }

# untouched WORD [OPTION...]: format fails with 6, the word in its message,
# and not a byte changed
untouched() {
	local word=$1 before
	shift

	sync
	before=$(sum)
	run cmkctl format "$CMK_DISK" "$@"
	echo "$output"
	[ "$status" = 6 ]
	[[ $output == *"$word"* ]]
	[ "$(sum)" = "$before" ]
}

@test "an empty device becomes a volume that dump and udev recognise" {
	cmkctl format "$CMK_DISK" --json >"$BATS_TEST_TMPDIR/made"
	uuid=$(jq -r .uuid "$BATS_TEST_TMPDIR/made")
	[ "$(cmkctl --json dump "$CMK_DISK" | jq -r .uuid)" = "$uuid" ]
	[ "$(cmkctl --json dump "UUID=$uuid" | jq -r .valid_copies)" = \
		"A and B" ]
	cmkctl udev "$CMK_DISK" | grep -qx "ID_FS_UUID=$uuid"
	jq -r .cmktab "$BATS_TEST_TMPDIR/made" | grep -q "UUID=$uuid *service"
	[ -s "$(jq -r .header_backup "$BATS_TEST_TMPDIR/made")" ]
}

@test "ext4" {
	mkfs.ext4 -q "$CMK_DISK"
	untouched ext4
}

@test "a swap area" {
	mkswap -q "$CMK_DISK"
	untouched swap
}

@test "a partition table, GPT and DOS" {
	echo ',' | sfdisk -q --no-reread --label gpt "$CMK_DISK"
	untouched gpt
	dd if=/dev/zero of="$CMK_DISK" bs=1M status=none || true
	echo ',' | sfdisk -q --no-reread --label dos "$CMK_DISK"
	untouched dos
}

@test "a volume, unless --ensure finds the one that is wanted" {
	cmkctl -q format "$CMK_DISK"
	untouched "--force destroys its keys"
	before=$(sum)
	cmkctl format "$CMK_DISK" --ensure
	[ "$(sum)" = "$before" ]
	untouched "another sector size" --ensure --sector-size 512
	untouched "another key" --ensure --kek https://a.vault.azure.net/keys/b
}

@test "--ensure writes what this node has not of the volume, and only that" {
	local before state backup

	cmkctl format "$CMK_DISK" --json >"$BATS_TEST_TMPDIR/made"
	state=/var/lib/cmk/state/$(jq -r .uuid "$BATS_TEST_TMPDIR/made").json
	backup=$(jq -r .header_backup "$BATS_TEST_TMPDIR/made")
	cp "$state" "$BATS_TEST_TMPDIR/state"
	cp "$backup" "$BATS_TEST_TMPDIR/backup"
	sync
	before=$(sum)
	rm "$state" "$backup"
	cmkctl format "$CMK_DISK" --ensure --dry-run
	[ ! -e "$state" ]
	run cmkctl format "$CMK_DISK" --ensure
	[ "$status" = 0 ]
	[[ $output == *"were not complete"* ]]
	cmp "$state" "$BATS_TEST_TMPDIR/state"
	cmp "$backup" "$BATS_TEST_TMPDIR/backup"
	run cmkctl format "$CMK_DISK" --ensure
	[[ $output == *"nothing was written"* ]]
	[ "$(sum)" = "$before" ]
}

@test "a volume whose first copy is damaged is still somebody's volume" {
	cmkctl -q format "$CMK_DISK"
	dd if=/dev/urandom of="$CMK_DISK" bs=4k count=1 conv=notrunc status=none
	untouched "--force destroys its keys"
}

@test "a mounted device, even with --force" {
	mkfs.ext4 -q "$CMK_DISK"
	mount -o ro,noload "$CMK_DISK" /mnt
	untouched "mounted on /mnt"
	untouched "mounted on /mnt" --force
}

@test "active swap, even with --force" {
	mkswap -q "$CMK_DISK"
	swapon "$CMK_DISK"
	untouched "in use as swap" --force
}

@test "the device under another one, even with --force" {
	dmsetup create top --table "0 65536 linear $CMK_DISK 0"
	untouched "used by the mapped device top" --force
}

@test "what no volume fits on, and no geometry that the format has not" {
	before=$(sum)
	dmsetup create top --table "0 8192 linear $CMK_DISK 0"
	run cmkctl format /dev/mapper/top
	[ "$status" = 6 ]
	gone top
	for option in --range-size=3M --range-size=1K --sector-size=8192; do
		run cmkctl format "$CMK_DISK" "$option"
		echo "$option: $output"
		[ "$status" = 2 ] || [ "$status" = 6 ]
	done
	[ "$(sum)" = "$before" ]
}

@test "--dry-run tells and writes nothing" {
	before=$(sum)
	cmkctl format "$CMK_DISK" --dry-run --json >"$BATS_TEST_TMPDIR/plan"
	[ "$(jq -r .changed "$BATS_TEST_TMPDIR/plan")" = false ]
	[ "$(jq -r .ranges "$BATS_TEST_TMPDIR/plan")" = 1 ]
	mkfs.ext4 -q "$CMK_DISK"
	before=$(sum)
	cmkctl format "$CMK_DISK" --dry-run --force | grep -q ext4
	[ "$(sum)" = "$before" ]
}

@test "--force leaves nothing that libblkid would find" {
	echo ',' | sfdisk -q --no-reread --label gpt "$CMK_DISK"
	cmkctl -q format "$CMK_DISK" --force
	run blkid -p "$CMK_DISK"
	[ "$status" = 2 ]
	cmkctl dump "$CMK_DISK"
}

@test "--force asks for YES on a terminal, and takes no other word" {
	mkfs.ext4 -q "$CMK_DISK"
	before=$(sum)
	for answer in yes y ""; do
		run script -qec "cmkctl format $CMK_DISK --force" /dev/null \
			<<<"$answer"
		[ "$status" = 1 ]
		[[ $output == *"nothing was written"* ]]
		[ "$(sum)" = "$before" ]
	done
	script -qec "cmkctl format $CMK_DISK --force" /dev/null <<<YES
	cmkctl dump "$CMK_DISK"
}

@test "a detached header leaves the device without a magic" {
	local file=$BATS_TEST_TMPDIR/header

	cmkctl -q format "$CMK_DISK" --header "$file"
	[ "$(stat -c %a "$file")" = 600 ]
	run cmkctl dump "$CMK_DISK"
	[ "$status" = 6 ]
	[ "$(cmkctl --json dump "$file" | jq .detached)" = true ]
	run cmkctl open "$CMK_DISK" vol --kek service
	[ "$status" = 6 ]
	cmkctl open "$CMK_DISK" vol --kek service --header "$file"
	[ "$(state)" = "ready none" ]
}

@test "a file that is no header is not taken for one" {
	local file=$BATS_TEST_TMPDIR/letter

	echo "dear reader" >"$file"
	run cmkctl format "$CMK_DISK" --header "$file"
	[ "$status" = 6 ]
	[ "$(cat "$file")" = "dear reader" ]
}

@test "two devices with one UUID are refused, and both named" {
	cmkctl -q --json format "$CMK_DISK" >"$BATS_TEST_TMPDIR/made"
	uuid=$(jq -r .uuid "$BATS_TEST_TMPDIR/made")
	dd if="$CMK_DISK" of="$CMK_DISK2" bs=1M count=16 status=none
	run cmkctl open "UUID=$uuid" vol --kek service
	dd if=/dev/zero of="$CMK_DISK2" bs=1M count=16 status=none
	sync
	[ "$status" = 6 ]
	[[ $output == *"$(readlink -f "$CMK_DISK")"* ]]
	[[ $output == *"$(readlink -f "$CMK_DISK2")"* ]]
	cmkctl open "UUID=$uuid" vol --kek service
}
