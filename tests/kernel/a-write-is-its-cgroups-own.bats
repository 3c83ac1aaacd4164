#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-timeout: 200
#
# What a process writes is counted, and limited, at the disk as what its control
# group writes, also where a worker encrypts and sends it: device-mapper sees to
# that for a bio that is sent as its documentation says.

load ../lib/guest
load cmk

CGROUPS=$BATS_RUN_TMPDIR/cgroups

setup_file() {
	mkdir -p "$CGROUPS"
	mount -t cgroup2 none "$CGROUPS"
	echo +io >"$CGROUPS/cgroup.subtree_control"
	modprobe dm-cmk
}

teardown_file() {
	rmmod dm_cmk
	umount "$CGROUPS"
}

setup() { mkdir "$CGROUPS/writer"; }

teardown() {
	gone cmk
	rmdir "$CGROUPS/writer"
}

# written: bytes at the disk by the group
written() {
	awk -v dev="$(lsblk -dno maj:min "$CMK_DISK" | tr -d ' ')" '
		$1 == dev && match($0, /wbytes=[0-9]+/) {
			n = substr($0, RSTART + 7, RLENGTH - 7)
		}
		END {print n + 0}' "$CGROUPS/writer/io.stat"
}

# in_the_group COMMAND...
in_the_group() {
	(
		echo "$BASHPID" >"$CGROUPS/writer/cgroup.procs"
		exec "$@"
	)
}

write_mib() {
	in_the_group dd if=/dev/zero of="$1" bs=64K count=$((16 * $2)) \
		oflag=direct status=none
}

# counts_all OPTION...
counts_all() {
	cmk_create cmk "$CMK_DISK" 65536 0 0 65536 "$@"
	echo "set $UUID 0 1 $KEY_A" | nltool
	write_mib /dev/mapper/cmk 4
	[ "$(written)" = $((4 << 20)) ]
}

is_parked() { dmsetup status cmk | grep -q 'parked=1\b'; }

@test "control: of what goes to the disk itself" {
	write_mib "$CMK_DISK" 1
	[ "$(written)" = $((1 << 20)) ]
}

@test "where the writer encrypts" { counts_all crypt:inline; }

@test "where a worker does" { counts_all crypt:queued; }

@test "where it waited for a key, and a worker began it" {
	local pid

	cmk_create cmk "$CMK_DISK" 65536 0 0 65536 key_timeout:60 crypt:inline
	write_mib /dev/mapper/cmk 1 &
	pid=$!
	until_true 5 is_parked
	[ "$(written)" = 0 ]
	echo "set $UUID 0 1 $KEY_A" | nltool
	wait $pid
	[ "$(written)" = $((1 << 20)) ]
}
