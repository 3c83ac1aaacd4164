#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 600
#
# The units and the udev rules: a mount brings its volume up first and goes
# before it, a restart of the agent closes nothing, and udev never reads a
# volume that would not answer.

load ../lib/guest

# A name that systemd has to escape.
NAME=pg-data
INSTANCE='cmk@pg\x2ddata.service'
NODE=/dev/mapper/$NAME

setup_file() {
	local uuid

	cp -p /etc/fstab "$BATS_FILE_TMPDIR/fstab"
	mkdir -p /srv/pg
	install -m 600 "$CMK_BED/service.kek" /var/lib/cmk
	systemctl start cmkd
	cmkctl -q --json format "$CMK_DISK" --force \
		>"$BATS_FILE_TMPDIR/format"
	uuid=$(jq -r .uuid "$BATS_FILE_TMPDIR/format")
	echo "$NAME UUID=$uuid service" >/etc/cmktab
	# fstab(5) takes one backslash of two.
	echo "$NODE /srv/pg ext4 x-systemd.requires=${INSTANCE/\\/\\\\} 0 0" \
		>>/etc/fstab
	systemctl daemon-reload
	cmkctl -q open $NAME
	mkfs.ext4 -q $NODE
	cmkctl -q close $NAME
}

teardown_file() {
	cmkctl -q restore $NAME 2>/dev/null || true
	systemctl stop srv-pg.mount "$INSTANCE" cmkd
	cp -p "$BATS_FILE_TMPDIR/fstab" /etc/fstab
	rm -rf /etc/cmktab /var/lib/cmk
	systemctl daemon-reload
	systemctl reset-failed
}

uuid() { jq -r .uuid "$BATS_FILE_TMPDIR/format"; }
property() { udevadm info --query=property --property="$1" --value $NODE; }
again() { udevadm trigger --action=change --settle $NODE; }

@test "the device with the header has its UUID in /dev/disk/by-uuid" {
	udevadm settle
	[ "$(readlink -f "/dev/disk/by-uuid/$(uuid)")" = \
		"$(readlink -f "$CMK_DISK")" ]
	[ "$(lsblk -dno FSTYPE "$CMK_DISK")" = cmk ]
}

@test "the mount brings the volume up, in order, and no ordering is a cycle" {
	[ ! -e $NODE ]
	systemctl start srv-pg.mount
	mountpoint -q /srv/pg
	systemctl is-active "$INSTANCE"
	[[ $(systemctl show -P After srv-pg.mount) == *@pg*x2ddata.service* ]]
	[[ $(systemctl show -P Before srv-pg.mount) == *local-fs.target* ]]
	run systemd-analyze verify default.target
	[[ $output != *cycle* ]]
	echo kept >/srv/pg/file
}

# PF_MEMALLOC_NOIO and PF_LOCAL_THROTTLE of the kernel's sched.h, which
# PR_SET_IO_FLUSHER sets
flusher() {	# PID
	local stat

	read -ra stat <"/proc/$1/stat"
	[ $((stat[8] & 0x180000)) = $((0x180000)) ]
}

@test "the kernel writes to no volume to find memory for the agent" {
	run flusher $$
	[ "$status" = 1 ]
	flusher "$(systemctl show --value -p MainPID cmkd)"
}

@test "a restart of the agent closes nothing" {
	systemctl start srv-pg.mount
	systemctl restart cmkd
	systemctl is-active "$INSTANCE" srv-pg.mount
	[ "$(cmkctl --json status $NAME | jq -r '.volumes[0].state')" = ready ]
	cat /srv/pg/file
}

@test "udev does not read a held volume, keeps what it knew, and reads again" {
	systemctl start srv-pg.mount
	again
	[ "$(property CMK_READABLE)" = 1 ]
	[ "$(property ID_FS_TYPE)" = ext4 ]
	cmkctl -q hold $NAME
	SECONDS=0
	again
	again
	# Who reads it waits for ten minutes.
	[ "$SECONDS" -lt 60 ]
	[ "$(property CMK_GATE)" = held ]
	[ "$(property ID_FS_TYPE)" = ext4 ]
	[ "$(property DM_UDEV_DISABLE_OTHER_RULES_FLAG)" = 1 ]
	run pgrep -f 'blkid|pvscan'
	[ "$status" = 1 ]
	cmkctl -q restore $NAME
	again
	[ "$(property CMK_READABLE)" = 1 ]
	[ -z "$(property DM_UDEV_DISABLE_OTHER_RULES_FLAG)" ]
}

@test "a volume in use stays open when its unit is stopped" {
	systemctl start srv-pg.mount
	exec 5<$NODE
	systemctl stop srv-pg.mount
	systemctl stop "$INSTANCE"
	[ "$(systemctl is-failed "$INSTANCE")" = failed ]
	[ -e $NODE ]
	exec 5<&-
	systemctl reset-failed "$INSTANCE"
	cmkctl close $NAME
}

@test "stopping the volume unmounts it first, closes it and loses nothing" {
	systemctl start srv-pg.mount
	systemctl stop "$INSTANCE"
	run mountpoint -q /srv/pg
	[ "$status" != 0 ]
	[ ! -e $NODE ]
	systemctl start srv-pg.mount
	[ "$(cat /srv/pg/file)" = kept ]
}

@test "a device that does not come fails the unit after its timeout, not later" {
	echo "none UUID=00000000-0000-4000-8000-000000000000 service timeout=3s" \
		>>/etc/cmktab
	SECONDS=0
	run systemctl start cmk@none
	[ "$status" != 0 ]
	[ "$SECONDS" -ge 3 ]
	# Where nothing is said it is 90 s.
	[ "$SECONDS" -lt 60 ]
	journalctl -u cmk@none -o cat --no-pager | grep -q "no device has"
	sed -i '/^none/d' /etc/cmktab
	systemctl reset-failed cmk@none
}
