#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-timeout: 900
#
# A test that cannot fail shows nothing, and neither does a runner that cannot
# see a failure: here it runs tests that warn in the kernel log, hang, crash
# the machine or leave things behind, and its verdicts are compared.

@test "each control gets the verdict that it is made for" {
	cd "$BATS_TEST_DIRNAME/../.."
	tests/vm/selftest/run
}

@test "a name that no test has is an error" {
	cd "$BATS_TEST_DIRNAME/../.."
	run tests/run --no-build no-such-test
	[ "$status" != 0 ]
	[[ $output == *"no test is called 'no-such-test'"* ]]
}
