#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-icount
#
# Meant to pass: the machine is the one that was asked for.

# the chip's clock goes as the host's
chip() { cat /sys/class/rtc/rtc0/since_epoch; }

@test "it leaps where others wait" {
	local before

	[ "$(nproc)" = 1 ]
	before=$(chip)
	sleep 120
	[ $(($(chip) - before)) -lt 60 ]
}
