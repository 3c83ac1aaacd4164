#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 32M
# cmk-append: fips=1
# cmk-timeout: 240
#
# A kernel in FIPS mode lends only algorithms that it has tested and that are
# allowed there.  That is enough for the session that brings the keys, for the
# cipher and for a rekey.

load ../lib/guest
load cmk
load agent
load agent-rekey

setup() { modprobe -a dm-cmk dm-crypt; }

teardown() {
	gone cmk oracle
	[ -n "${AGENT_PID-}" ] || return 0
	all_down
	helper_stop
}

@test "it is in that mode, and lends no Serpent" {
	[ "$(</proc/sys/crypto/fips_enabled)" = 1 ]
	run dmsetup create oracle --table \
		"0 4096 crypt serpent-xts-plain64 $KEY_A 0 $CMK_DISK 0"
	[ "$status" = 1 ]
	[[ "$(dmesg)" == *serpent*"disabled due to FIPS"* ]]
}

@test "a key comes sealed, and dm-crypt reads what was written" {
	cmk_create cmk "$CMK_DISK" 4096 0 2048 4096 sector_size:4096
	set_keys "$KEY_A"
	pattern 2097152 fips | dd of=/dev/mapper/cmk bs=64k iflag=fullblock \
		oflag=direct status=none
	gone cmk
	crypt_create oracle "$CMK_DISK" "$KEY_A" 0 2048 4096 4096
	cmp <(pattern 2097152 fips) \
		<(dd if=/dev/mapper/oracle bs=64k iflag=direct status=none)
}

@test "the agent opens a volume and rekeys it" {
	local before

	vault_start
	agent_config
	helper_start
	agent_start
	make_volume hk
	before=$(ciphertext 3)
	cmkctl -q rekey vol --all
	same begin
	[ "$(ciphertext 3)" != "$before" ]
	cmkctl --json status vol | jq -e '.volumes[0] |
		.state == "ready" and .live == 4'
}
