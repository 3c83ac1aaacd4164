#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 32M
# cmk-disk: 32M
# cmk-timeout: 900
#
# Keys that end in the middle of a range stop its rekey, and it goes on by
# itself when they are back: after a lease that has lapsed with the agent
# stopped, after a hold and after a revoke because the key of the vault was
# deleted, and recovered.  Two volumes are rekeyed at once and know nothing of
# each other.  Nothing is lost.

load ../lib/guest
load cmk
load agent
load agent-rekey

setup() {
	modprobe dm-cmk
	vault_start
	agent_config DenyHold=10min
	helper_start
	agent_start
	make_volume hk
}

teardown() {
	[ -z "${AGENT_PID-}" ] || kill -CONT "$AGENT_PID" || true
	cmkctl restore vol2 >/dev/null 2>&1 || true
	gone vol2
	all_down
	helper_stop
}

# slowly RANGE: one stripe of eight is done, and each further one takes 8 s
slowly() {
	before=$(ciphertext "$1")
	cmkctl rekey vol --range "$1" --bandwidth 64K --detach
	in_the_middle
}

# stopped CAUSE: in the middle, without a key; its worker sees that after a rest
stopped() {
	until_rekey pending 60
	[ "$(rekey_field live)" = 0 ]
	[ "$(rekey_field cause)" = "$1" ]
	[ "$(rekey_field rekey_error)" = 0 ]
	[ "$(rekey_field rekey_done)" -gt 0 ]
	[ "$(rekey_field rekey_done)" -lt 8192 ]
}

# goes_on RANGE: nobody has asked for it
goes_on() {
	wait_state "ready none" 60
	until_rekey running 60
	cmkctl rekey vol --range "$1" --bandwidth 1G
	same begin
	[ "$(ciphertext "$1")" != "$before" ]
}

@test "a lapse, and the key deleted and recovered" {
	slowly 0
	kill -STOP "$AGENT_PID"
	stopped lease
	kill -CONT "$AGENT_PID"
	goes_on 0

	slowly 1
	ctl key delete pg >/dev/null
	wait_state "held kek-deleted" 60
	stopped kek-deleted
	ctl key recover pg >/dev/null
	goes_on 1

	agent_stop
	agent_config
	agent_start
	slowly 2
	ctl key delete pg >/dev/null
	wait_state "revoked kek-deleted" 60
	stopped kek-deleted
	ctl key recover pg >/dev/null
	goes_on 2
}

# done_of NAME: sectors
done_of() {
	echo $(($(rekey_field rekey_range "$1") * RANGE / 512 +
		$(rekey_field rekey_done "$1")))
}

# moves NAME: beyond where it is now
moves() {
	local i from

	from=$(done_of "$1")
	for ((i = 0; i < 300; i++)); do
		[ "$(done_of "$1")" -le "$from" ] || return 0
		sleep 0.1
	done
	cmkctl status
	return 1
}

@test "two volumes at once" {
	local at name

	make_volume hk "$CMK_DISK2" vol2
	fill other vol2
	for name in vol vol2; do
		cmkctl rekey $name --all --bandwidth 64K --detach
	done
	in_the_middle vol
	in_the_middle vol2
	# Slow as it is, it still is.
	[ "$(rekey_field rekey vol)" = running ]

	cmkctl rekey vol --pause
	until_rekey paused 30 vol
	at=$(done_of vol)
	moves vol2
	cmkctl rekey vol2 --all --bandwidth 1G
	same other vol2
	[ "$(rekey_field rekey vol)" = paused ]
	[ "$(done_of vol)" = "$at" ]
	same begin vol

	# Both as fast as they can
	cmkctl rekey vol2 --all --detach
	cmkctl rekey vol --all --bandwidth 1G --detach
	cmkctl rekey vol --resume
	until_done 90 vol
	until_done 90 vol2
	same begin vol
	same other vol2
}
