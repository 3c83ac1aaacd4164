#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 128M
# cmk-cpus: 1
# cmk-timeout: 900
#
# revoke, hold and status need the kernel alone.  What an administrator closed
# stays closed, whatever agent comes and goes, until an administrator's
# restore; and no data is lost by it.

load ../lib/guest
load cmk
load agent

setup() {
	service_up OfflineGrace=4h
	volume_make
	dd if=/dev/urandom of=/tmp/data bs=1M count=8 status=none
	dd if=/tmp/data of="$VOL" bs=1M oflag=direct status=none
	MARKER=/var/lib/cmk/revoked/$VOL_UUID
}

teardown() {
	umount /var/lib/cmk/revoked 2>/dev/null || true
	[ -n "${AGENT_PID-}" ] || agent_start
	all_down
	rm -rf /tmp/data /var/lib/ours
}

read_all() { dd if="$VOL" bs=1M count=8 iflag=direct status=none; }
same() { read_all | cmp - /tmp/data; }

@test "revoke with the agent killed: I/O fails, status says by whom and why" {
	agent_stop KILL
	cmkctl revoke vol --reason "drill 7"
	run dd if="$VOL" of=/dev/null bs=4k count=1 iflag=direct
	[ "$status" != 0 ]
	[[ $output == *"No such device"* ]]
	cmkctl --json status vol >/tmp/status
	[ "$(jq -r .agent /tmp/status)" = "not running" ]
	[ "$(jq -r '.volumes[0].state' /tmp/status)" = revoked ]
	[ "$(jq -r '.volumes[0].cause' /tmp/status)" = admin ]
	[ "$(jq -r '.volumes[0].reason' /tmp/status)" = "drill 7" ]
	[ "$(jq -r '.volumes[0].sticky' /tmp/status)" = true ]
	[ "$(jq -r '.volumes[0].live' /tmp/status)" = 0 ]
	[ "$(stat -c %a "$MARKER")" = 600 ]
	[ "$(jq -r .reason "$MARKER")" = "drill 7" ]
	[ "$(jq -r .action "$MARKER")" = revoke ]
}

@test "restore without an agent is temporary, and changes nothing" {
	agent_stop KILL
	cmkctl revoke vol
	run cmkctl --json restore vol
	[ "$status" = 5 ]
	[[ $output == *'"retryable": true'* ]]
	[ "$(state)" = "revoked admin" ]
	[ -e "$MARKER" ]
}

@test "a new agent leaves it revoked; restore brings it back with its data" {
	agent_stop KILL
	cmkctl revoke vol
	agent_start
	sleep 7		# more than one check of the key
	[ "$(state)" = "revoked admin" ]
	restore_vol
	[ "$(state)" = "ready none" ]
	[ ! -e "$MARKER" ]
	same
}

@test "hold with the agent killed: I/O waits until a restore and is not lost" {
	agent_stop KILL
	cmkctl hold vol
	[ "$(state)" = "held admin" ]
	read_all >/tmp/read 3>&- &
	reader=$!
	sleep 2
	kill -0 "$reader"
	agent_start
	sleep 7
	[ "$(state)" = "held admin" ]
	kill -0 "$reader"
	restore_vol
	wait "$reader"
	cmp /tmp/read /tmp/data
	rm /tmp/read
}

@test "a revoked volume that was closed is not opened before a restore" {
	cmkctl revoke vol
	cmkctl close vol
	run cmkctl open "$CMK_DISK" vol --kek service
	[ "$status" = 4 ]
	[[ $output == *"$MARKER"* ]]
	[ ! -e "$VOL" ]
	cmkctl restore "UUID=$VOL_UUID"
	cmkctl open "$CMK_DISK" vol --kek service
	same
}

@test "a revoke that cannot be made to outlive a reboot is done, and says so" {
	mkdir -p /var/lib/cmk/revoked
	mount -t tmpfs -o ro tmpfs /var/lib/cmk/revoked
	run cmkctl revoke vol
	[ "$status" = 7 ]
	[[ $output == *"will not outlive a reboot"* ]]
	[ "$(state)" = "revoked admin" ]
}

@test "with a configuration that has become wrong it outlives them, too" {
	local conf=/etc/cmk/cmkd.conf

	cmkctl close vol
	agent_stop
	cp -a /var/lib/cmk /var/lib/ours
	printf '%s\n' '[Agent]' StateDirectory=/var/lib/ours >>$conf
	agent_start
	cmkctl open "$CMK_DISK" vol --kek service
	echo OfALaterRelease=yes >>$conf
	cmkctl revoke vol
	[ "$(jq -r .action "/var/lib/ours/revoked/$VOL_UUID")" = revoke ]
	[ ! -e "$MARKER" ]
	sed -i /OfALaterRelease/d $conf
	cmkctl close vol
	run cmkctl open "$CMK_DISK" vol --kek service
	[ "$status" = 4 ]
	[ ! -e "$VOL" ]
}

@test "a volume is found by name, UUID, mapped device and data device" {
	for spec in vol "UUID=$VOL_UUID" "$VOL" "$CMK_DISK"; do
		cmkctl -q hold "$spec"
		[ "$(state)" = "held admin" ]
		cmkctl -q restore "$spec"
	done
	run cmkctl revoke nosuch
	[ "$status" = 6 ]
	run cmkctl revoke "UUID=00000000-0000-4000-8000-000000000000"
	[ "$status" = 6 ]
	[ "$(state)" = "ready none" ]
}

@test "of several volumes those that exist are revoked; the status tells" {
	run cmkctl --json revoke nosuch vol
	[ "$status" = 6 ]
	[ "$(state)" = "revoked admin" ]
	cmkctl restore --all
	[ "$(state)" = "ready none" ]
	cmkctl revoke --all
	[ "$(state)" = "revoked admin" ]
}

@test "without the right, nothing is told and nothing is done" {
	local nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"

	for words in status "revoke vol" "hold --all" "restore vol" \
		"close vol" probe; do
		run $nobody --bounding-set=-all cmkctl $words
		echo "$words: $status $output"
		[ "$status" = 3 ]
		[[ $output != *"$VOL_UUID"* ]]
	done
	[ "$(state)" = "ready none" ]
}

@test "status --check is 0 for live and proven, else 1" {
	cmkctl -q status --check
	cmkctl -q hold vol
	run cmkctl -q status --check
	[ "$status" = 1 ]
	restore_vol
	wait_state "ready none" 30
	cmkctl -q status --check
	agent_stop KILL
	run cmkctl -q status --check
	[ "$status" = 1 ]
}
