#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 1500
#
# The key is deleted, disabled, purged, expires or makes room for another of its
# name, or the permission is withdrawn: no I/O succeeds later than 9 s after it,
# with the strict profile; and the vault's yes brings the volume back by itself,
# with its data.

load ../lib/guest
load node

RUNS=${CMK_LONG:+10}
RUNS=${RUNS:-1}
LIMIT=9000000

setup_file() {
	node_up
	vault_copy
}

teardown_file() { node_down; }

setup() {
	[ ! -e "$BATS_FILE_TMPDIR/purged" ] || key_is_back
	node_ready
}

teardown() { node_tell; }

# no COMMAND...: the vault's no; sets NO_AT, when it was in force
no() {
	NO_AT=$(vault --get boottime_us "$@")
	WAITED=
}

# The vault has said no since the deletion; after it there is no way back.
no_by_purge() {
	touch "$BATS_FILE_TMPDIR/purged"
	no key delete pg
	vault key purge pg >/dev/null
}

# The name answers again, with a version and a key that open nothing here.  The
# last word is the vault's own about both.
no_by_another_key() {
	local old new

	old=$(vault key show pg | jq -r .key.kid)
	no_by_purge
	vault key create pg >/dev/null
	new=$(vault key show pg | jq -r .key.kid)
	[ "${new%/*}" = "${old%/*}" ]
	[ "$new" != "$old" ]
}

key_is_back() {
	vault_from_copy
	rm "$BATS_FILE_TMPDIR/purged"
}

# Seen by a GET well before; sets NO_AT to the moment of exp.
no_by_expiry() {
	local up now exp set_at

	set_at=$(vault --get boottime_us key exp pg $(($(date +%s) + 12)))
	exp=$(vault key show pg | jq .attributes.exp)
	# The later of the two clocks is read last: errs to our disadvantage.
	up=$(now)
	now=$EPOCHREALTIME
	NO_AT=$((exp * 1000000 - ${now/./} + up))
	WAITED="select(.op == \"get\" and .status == 200 and
		.boottime_us > $set_at and .boottime_us < $NO_AT)"
}

# The first run has the longest way: the agent has just asked.
at_some_time() {	# RUN
	after_probe
	[ "$1" = 1 ] || sleep "$((RANDOM % 5)).$((RANDOM % 10))"
}

# measure CAUSE NO... -- YES...
measure() {
	local cause=$1 run took worst=0 no=()
	shift
	while [ "$1" != -- ]; do
		no+=("$1")
		shift
	done
	shift

	for run in $(seq "$RUNS"); do
		storm_start 180
		at_some_time "$run"
		"${no[@]}"
		storm_wait
		[ "$(storm errors)" = 2 ]
		[ "$(storm errno)" = ENODEV ]
		took=$(($(storm last_ok_done) - NO_AT))
		echo "$took us"
		[ "$took" -gt 0 ]
		[ "$took" -le "$LIMIT" ]
		[ "$took" -le "$worst" ] || worst=$took
		state_is "revoked $cause"
		[ -z "$WAITED" ] || [ "$(asked "$WAITED")" -ge 1 ]

		"$@" >/dev/null
		wait_state "ready none" 20
		[ "$(status '"\(.live) of \(.ranges)"')" = "8 of 8" ]
		data_is_equal
	done
	echo "# $cause: worst of $RUNS $((worst / 1000)) ms" >&3
}

@test "the key is deleted" {
	measure kek-deleted no key delete pg -- vault key recover pg
}

@test "the key is disabled" {
	measure kek-disabled no key disable pg -- vault key enable pg
}

@test "the key expires" {
	measure kek-expired no_by_expiry -- vault key exp pg none
}

@test "the permission is withdrawn in the access policy" {
	measure no-permission no deny default unwrapKey -- \
		vault allow default unwrapKey
}

@test "the role is taken away" {
	measure no-permission no deny default unwrapKey --style rbac -- \
		vault allow default unwrapKey
}

@test "the key is purged" {
	measure kek-deleted no_by_purge -- key_is_back
}

# opens_not KEK: the node allows KEK, the header is wrapped by what was purged
opens_not() {
	run cmkctl open "$CMK_DISK" again --kek "$1" --wait 0
	echo "$output"
	[ "$status" = 4 ]
	[[ "$output" == *KeyNotFound* ]]
	[ ! -e /dev/mapper/again ]
}

other_key_opens_nothing() {	# VERSION
	local from

	from=$(asked '.op == "unwrapKey" and .status == 200')
	systemctl restart cmkd
	wait_state "revoked kek-deleted" 10
	after_probe
	state_is "revoked kek-deleted"
	[ "$(asked '.op == "unwrapKey" and .status == 200')" = "$from" ]
	[[ "$(status .last_error)" == *"$1"* ]]
	dmsetup remove --retry storm
	systemctl stop cmk@vol
	opens_not "$KEK"
	opens_not "$KEK/$1"
	key_is_back
	systemctl start cmk@vol
}

@test "another key has its name" {
	measure kek-deleted no_by_another_key -- key_is_back
}

@test "another key has its name: it opens nothing, whatever the node allows" {
	local version

	version=$(vault key show pg | jq -r .key.kid)
	no_by_another_key
	wait_state "revoked kek-deleted" 15
	other_key_opens_nothing "${version##*/}"
	wait_state "ready none" 20
	data_is_equal
}
