#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 512M
# cmk-timeout: 500
# cmk-allow-klog: EXT4-fs \(dm-[0-9]+\): shut down requested
# cmk-allow-klog: XFS \(dm-[0-9]+\): User initiated shutdown
# cmk-allow-klog: Aborting journal|I/O error|JBD2|drop_caches
# cmk-allow-klog: Filesystem has been shut down|Please unmount
#
# After cmkctl revoke no page of the volume can be read any more, though it was
# in a cache: by a name, by an open file, in another mount namespace, through a
# device on top, from the device itself.  With --no-purge each of them can,
# which shows that it was there.

load ../lib/guest
load cmk

MNT=/run/purge

setup() {
	modprobe dm-cmk
	cmk_create cmk "$CMK_DISK" 1048576 0 0 1048576
	set_keys "$KEY_A"
	mkdir -p $MNT
}

teardown() {
	exec 5<&-
	[ -z "${OTHER-}" ] || kill "$OTHER"
	[ -z "${MAPPED-}" ] || kill "$MAPPED"
	wait
	# stat(2) fails on some that are shut down.
	! grep -q " $MNT " /proc/mounts || umount $MNT
	rm -f /var/lib/cmk/revoked/*
	gone top cmk
}

# on FS [DEVICE]: a file system with a file that is in the cache
on() {
	local dev=${2:-/dev/mapper/cmk}

	wipefs -aq "$dev"
	"mkfs.$1" -q "$dev"
	mount "$dev" $MNT
	pattern $((4 << 20)) $1 >$MNT/file
	sync
	echo 3 >/proc/sys/vm/drop_caches
	cat $MNT/file >/dev/null
	exec 5<$MNT/file
}

cached() { cat "${1:-$MNT/file}" 2>/dev/null | cmp -s - /run/purge.file; }
by_fd() { cat <&5 2>/dev/null | cmp -s - /run/purge.file; }

fails() {
	if "$@"; then
		echo "$* has read it"
		return 1
	fi
}

expect() { pattern $((4 << 20)) "$1" >/run/purge.file; }

# With the purge; what it says goes to a file
told() {
	cmkctl --json revoke cmk >/run/purge.json || status=$?
	jq . /run/purge.json
}

without() { cmkctl -q revoke --no-purge cmk; }

fs() {
	expect "$1"
	on "$1"
	without
	cached
	told
	[ "$(jq -r '.volumes[0].shut_down[]' /run/purge.json)" = $MNT ]
	[ "$(jq -r '.volumes[0].left | length' /run/purge.json)" = 0 ]
	fails cached
	fails by_fd
}

@test "ext4: neither by its name nor by an open file" { fs ext4; }
@test "xfs: neither by its name nor by an open file" { fs xfs; }

@test "on a device above the volume" {
	expect ext4
	dmsetup create top --table "0 524288 linear /dev/mapper/cmk 2048"
	on ext4 /dev/mapper/top
	without
	cached
	told
	[ "$(jq -r '.volumes[0].shut_down[]' /run/purge.json)" = $MNT ]
	fails cached
	fails by_fd
}

@test "in another mount namespace alone" {
	expect ext4
	on ext4
	exec 5<&-
	unshare -m sleep 100 3>&- &
	OTHER=$!
	until [ "$(readlink /proc/$OTHER/ns/mnt)" != \
		"$(readlink /proc/self/ns/mnt)" ]; do sleep 0.1; done
	umount $MNT
	without
	cached /proc/$OTHER/root$MNT/file
	told
	[ "$(jq -r '.volumes[0].shut_down[]' /run/purge.json)" = $MNT ]
	fails cached /proc/$OTHER/root$MNT/file
}

@test "under what is mounted over it" {
	expect ext4
	on ext4
	mkdir -p $MNT.bind
	mount --bind $MNT $MNT.bind
	mount -t tmpfs none $MNT
	without
	by_fd
	told
	umount $MNT
	fails cached
	exec 5<$MNT.bind/file || true
	fails by_fd
	umount $MNT.bind
}

@test "from the device itself" {
	pattern $((4 << 20)) raw >/run/purge.file
	dd if=/run/purge.file of=/dev/mapper/cmk bs=1M oflag=direct \
		status=none
	exec 5</dev/mapper/cmk
	head -c 4M /dev/mapper/cmk >/dev/null
	without
	head -c 4M /dev/mapper/cmk | cmp - /run/purge.file
	told
	run head -c 4096 /dev/mapper/cmk
	[ "$status" = 1 ]
}

has_open() { find "/proc/$1/fd" -lname "$2" 2>/dev/null | grep -q .; }

@test "who has files open or mapped is named" {
	on ext4
	pattern 100000 tail >$MNT/other
	tail -f $MNT/other >/dev/null 3>&- &
	OTHER=$!
	# It has no file open, but runs from pages of one.
	cp "$(type -P sleep)" $MNT/mapped
	$MNT/mapped 300 3>&- 5<&- &
	MAPPED=$!
	until has_open $OTHER $MNT/other && [ "$(readlink /proc/$MAPPED/exe)" \
		= $MNT/mapped ]; do
		kill -0 $OTHER
		kill -0 $MAPPED
		sleep 0.1
	done
	run cmkctl revoke cmk
	echo "$output"
	[ "$status" = 0 ]
	[[ "$output" == *"file systems shut down: $MNT; still "* ]]
	[[ "$output" == *"mounted on $MNT"* ]]
	[[ "$output" == *"open by tail[$OTHER]"* ]]
	[[ "$output" == *"mapped by mapped[$MAPPED]"* ]]
}

@test "what cannot be shut down is said, and the volume is revoked" {
	# One of those that know no shutdown; with blocks of a kilobyte.
	gone cmk
	cmk_create cmk "$CMK_DISK" 1048576 0 0 1048576 sector_size:512
	set_keys "$KEY_A"
	mkfs.minix -3 /dev/mapper/cmk
	mount -t minix -o ro /dev/mapper/cmk $MNT
	run cmkctl --json revoke cmk
	echo "$output"
	[ "$status" = 7 ]
	[[ "$output" == *"$MNT: not shut down"* ]]
	[[ "$(dmsetup status cmk)" == *gate=revoked* ]]
}

@test "a hold drops clean pages and leaves the file system alone" {
	expect ext4
	on ext4
	cmkctl -q hold --no-purge cmk
	cached
	cmkctl -q hold cmk
	cached &
	sleep 1
	kill -0 $!
	nl "admin-restore $UUID 600 hold" "set $UUID 0 1 $KEY_A"
	wait $!
	echo more >$MNT/more
	sync $MNT/more
	by_fd
}
