#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels:
# cmk-more-kernels: 6.12
# cmk-mode: host
# cmk-timeout: 900
#
# As no-power-cut-loses-what-was-committed, for its time not in the plain run:
# with another file system and DEKs that the vault wraps; and where the disk
# tells that it has flushed and has not, that this is found.

load ../lib/volatile
load cuts/cuts

setup() { cuts_begin; }
teardown() { cuts_end; }

@test "DEKs wrapped by the vault, XFS" {
	cuts_many "${CMK_CUTS:-20}" direct xfs 336M
}

# Else a missing flush would not show there.
@test "where the disk lies about flushes, the same finds damage" {
	local i

	cuts_up hk ext4 112M lies=yes
	for ((i = 0; i < 5; i++)); do
		under_load both
		power_cut
		run comes_back
		[ "$status" = 0 ] || break
	done
	printf '#    %s\n' "${lines[@]: -4}" >&3
	[ "$status" != 0 ]
}
