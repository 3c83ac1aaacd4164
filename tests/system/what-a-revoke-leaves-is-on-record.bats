#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 500
# cmk-allow-klog: EXT4-fs \(dm-[0-9]+\): shut down requested
# cmk-allow-klog: Aborting journal|I/O error|JBD2|drop_caches|EXT4-fs error
#
# What of the data a revoke could not take out of the machine's memory is in the
# audit trail: with a command, though no agent lives, and who gave it; and with
# the vault's no, also where the first helper did not do what it was asked for.

load ../lib/guest
load node

MNT=/run/left
HELPER=/run/systemd/system/cmk-helper@.service.d

setup_file() {
	node_up
	systemd-sysusers
	systemctl start cmk-helper.socket
}

teardown_file() {
	systemctl stop cmk-helper.socket
	node_down
}

setup() {
	node_ready
	# The file system needs the volume's whole attention.
	dmsetup remove --retry storm
	START=$(now)
	mkfs.ext4 -q -F -E nodiscard "$VOL"
	mkdir -p $MNT
	mount "$VOL" $MNT
	seq 1000 >$MNT/file
	sync
	tail -f $MNT/file >/dev/null 3>&- &
	HOLDER=$!
	until_true 10 has_open
}

has_open() { find "/proc/$HOLDER/fd" -lname $MNT/file | grep -q .; }

teardown() {
	node_tell
	rm -rf $HELPER /run/came /run/went-on
	systemctl daemon-reload
	kill "$HOLDER" || true
	wait "$HOLDER" || true
	umount $MNT || true
	agent_may_live
	systemctl start cmkd
	cmkctl -q restore vol 2>/dev/null || true
}

helper_is() {	# SHELL COMMAND
	mkdir -p $HELPER
	printf '%s\n' '[Service]' ExecStart= "ExecStart=/bin/sh -c '$1'" \
		>$HELPER/test.conf
	systemctl daemon-reload
}

is_there() { entry "$1" | grep -q CMK_LEFT; }

@test "with a command, though no agent lives" {
	kill_agent
	cmkctl revoke vol --reason "to be remembered"
	until_true 5 is_there revoke
	entry revoke | jq -e --arg left "open by tail[$HOLDER]" '
		.CMK_RESULT == "ok" and .CMK_CAUSE == "admin" and
		.CMK_REASON == "to be remembered" and
		.CMK_NAME == "vol" and .CMK_STATE_NEW == "revoked" and
		.CMK_UID == "0" and .SYSLOG_IDENTIFIER == "cmkctl" and
		(.CMK_LEFT | contains($left))'
	[ "$(entry revoke | wc -l)" = 1 ]
}

@test "with the vault's no" {
	vault key delete pg >/dev/null
	wait_state "revoked kek-deleted" 15
	until_true 15 is_there purge
	entry purge | jq -e --arg left "open by tail[$HOLDER]" '
		.CMK_RESULT == "ok" and .CMK_CAUSE == "kek-deleted" and
		.CMK_STATE_NEW == "revoked" and
		(.CMK_LEFT | contains($left))'
	vault key recover pg >/dev/null
}

@test "with the vault's no, though the first helper ends without a word" {
	helper_is 'mkdir /run/came || exec cmkctl helper'
	vault key delete pg >/dev/null
	wait_state "revoked kek-deleted" 15
	until_true 20 is_there purge
	[ -d /run/came ]
	vault key recover pg >/dev/null
}

@test "what is under way when the helper answers goes on to its end" {
	helper_is '(sleep 3; mkdir /run/went-on) & exec cmkctl helper'
	printf '{"method":"Purge","uuid":"%s"}\n' "$(status .uuid)" |
		socat -t 30 - UNIX-CONNECT:/run/cmk-helper.sock |
		grep '"status":0'
	[ ! -e /run/went-on ]
	until_true 20 test -d /run/went-on
	journalctl --sync
	! journalctl -b -u 'cmk-helper@*' | grep "Failed with result"
}

@test "where nothing is left, nothing is said to be" {
	kill "$HOLDER"
	wait "$HOLDER" || true
	umount $MNT
	cmkctl hold vol
	until_true 5 eval 'entry hold | grep -q held'
	entry hold | jq -e '.CMK_STATE_NEW == "held" and (has("CMK_LEFT") | not)'
}
