#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: host
# cmk-timeout: 900
#
# The power of a node goes at a random moment of a rekey, of a rewrap, or of
# both, while PostgreSQL works on the volume.  Its disks have volatile caches:
# each write that was not flushed is dropped, kept or torn.  The volume opens,
# the rekey goes on by itself, all that a client was told committed is there,
# and what pgbench has added to one table, it has added to the others.
#
# CMK_CUTS and CMK_SEED choose the number of the cuts and the seed.

load ../lib/volatile
load cuts/cuts

CUTS=${CMK_LONG:+100}
CUTS=${CMK_CUTS:-${CUTS:-3}}

setup() { cuts_begin; }
teardown() { cuts_end; }

@test "rekey, rewrap and both, cut by cut" {
	cuts_many "$CUTS" hk ext4 112M
}
