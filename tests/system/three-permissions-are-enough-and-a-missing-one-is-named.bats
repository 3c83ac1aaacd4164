#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 500
#
# get, wrapKey and unwrapKey carry a volume through its life; without one of
# them cmkctl ends with "refused by the key server" and names it.

load ../lib/guest
load node

setup_file() { node_up; }
teardown_file() { node_down; }
setup() { node_ready; }
teardown() { node_tell; }

format() {
	cmkctl -q format "$CMK_DISK" --force --kek "$KEK" --range-size "${RANGE}M"
}

close() {
	[ ! -e /dev/mapper/storm ] || dmsetup remove storm
	systemctl stop cmk@vol
}

checksum() { sha256sum <"$CMK_DISK"; }

# refused PERMISSION COMMAND...
refused() {
	local permission=$1
	shift
	vault deny default "$permission" >/dev/null
	run "$@"
	vault allow default "$permission" >/dev/null
	echo "$output"
	[ "$status" = 4 ]
	[[ "$output" == *"keys/$permission"* ]]
}

@test "these three are enough" {
	local from ops

	[ "$(vault state | jq -c '.identities[] |
		select(.name == "default").permissions')" = \
		'["get","wrapKey","unwrapKey"]' ]
	from=$(now)
	close
	format
	sed -i "s/UUID=[^ ]*/UUID=$(cmkctl --json dump "$CMK_DISK" |
		jq -r .uuid)/" /etc/cmktab
	systemctl start cmk@vol
	until_true 10 cmkctl probe vol
	cmkctl revoke vol
	restore_vol
	wait_state "ready none" 10
	ops=$(jq -sc "map(select(.boottime_us > $from and .op and
		.oid and .status == 200).op) | unique" "$KV/requests.log")
	[ "$ops" = '["get","unwrapKey","wrapKey"]' ]
}

@test "format without get, wrapKey or unwrapKey names it and writes nothing" {
	local before permission

	close
	before=$(checksum)
	for permission in get wrapKey unwrapKey; do
		refused $permission format
		[ "$(checksum)" = "$before" ]
	done
	systemctl start cmk@vol
}

@test "open without unwrapKey names it" {
	close
	refused unwrapKey cmkctl open vol
	[ ! -e "$VOL" ]
	systemctl start cmk@vol
}

@test "an open volume that loses unwrapKey says so in status" {
	vault deny default unwrapKey >/dev/null
	wait_state "revoked no-permission" 20
	cmkctl status vol | grep -q keys/unwrapKey
}
