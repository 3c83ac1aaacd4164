#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# After a wrap and three unwraps, the whole memory of the process is searched
# for the key, for its base64url form and for tokens: none is left, but for the
# token in locked memory while it is kept.  A planted copy is found.
#
# cmk-timeout: 180

load kek

setup() {
	kek_setup
}

teardown() {
	kvemu_stop
}

searched() {
	grep '"when"' "$BATS_TEST_TMPDIR/answers"
	diff - <(grep '"when"' "$BATS_TEST_TMPDIR/answers") <<-EOF2
	{"when":"connected","key":0,"base64url":0,"token":0}
	{"when":"closed","key":0,"base64url":0,"token":0}
	{"when":"control","key":1,"base64url":1,"token":1}
	EOF2
}

@test "managed identity" {
	kek leaks "$KEY"
	searched
}

@test "service key" {
	kek --service "file:$BATS_TEST_TMPDIR/service.kek" --create \
		leaks service
	searched
}
