#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The public SDK of the service, unmodified, works against kvemu, and the
# answers it gets have the form that the service's answers have.
#
# cmk-timeout: 300

load kvemu/kvemu
load kvemu/sdk

setup_file() {
	sdk_install
	export SDK_MODULES
}

setup() {
	kvemu_start
	use admin
}

teardown() {
	kvemu_stop
}

@test "create a key, after the challenge and with dates and tags" {
	sdk create
}

@test "get the newest version and a named one" {
	sdk get
}

@test "list versions by page" {
	sdk versions
}

@test "wrap and unwrap by every RSA algorithm" {
	sdk wrap
}

@test "unwrap what another implementation has wrapped" {
	sdk oracle
}

@test "encrypt and decrypt" {
	sdk encrypt
}

@test "import a key" {
	sdk import
}

@test "disable a key: 403 KeyDisabled; enable it again" {
	sdk disable
}

@test "delete a key: 404 and 409 ObjectIsDeletedButRecoverable" {
	sdk delete
}

@test "recover a deleted key" {
	sdk recover
}

@test "purge a deleted key, unless the vault protects it" {
	sdk purge
}

@test "rotate a key by its rotation policy" {
	sdk rotate
}

@test "404 for what does not exist, 400 for a bad name" {
	sdk missing
}

@test "403 ForbiddenByPolicy" {
	sdk forbidden
}

@test "429 with and without Retry-After" {
	sdk throttled
}

@test "the api-version that the SDK takes by itself" {
	sdk newest
}

@test "control: an answer with other fields is noticed" {
	local fixtures=$BATS_TEST_TMPDIR/sdk

	cp -r "$SDK_DIR" "$fixtures"
	sed -i 's/"recoverableDays"/"recoverableMonths"/' \
		"$fixtures/fixtures/key.json"
	SDK_DIR=$fixtures run sdk create
	[ "$status" -ne 0 ]
	[[ $output == *"attributes.recoverableMonths: missing"* ]]
	[[ $output == *"no such member"* ]]
}
