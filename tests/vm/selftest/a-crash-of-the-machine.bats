#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Meant to fail: the machine dies under the test.

@test "passes, and never comes back" {
	echo c >/proc/sysrq-trigger
	sleep 100
}
