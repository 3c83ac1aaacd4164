#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-timeout: 8
#
# Meant to fail: out of time, and its second test never runs.

@test "hangs" {
	sleep 1000
}

@test "never runs" {
	true
}
