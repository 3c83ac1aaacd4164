#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Life and state of a key, and which operations each state allows.
#
# cmk-timeout: 120

load kvemu/kvemu

setup() {
	kvemu_start
	ctl key create pg >/dev/null
	use default
}

teardown() {
	kvemu_stop
}

@test "a versionless wrap names the version, and that version unwraps" {
	local alg secret answer kid value

	for alg in RSA-OAEP RSA-OAEP-256 RSA1_5; do
		secret=$(head -c 32 /dev/urandom | b64url)
		answer=$(rest POST /keys/pg/wrapKey \
			"{\"alg\":\"$alg\",\"value\":\"$secret\"}")
		kid=$(member .kid <<<"$answer")
		value=$(member .value <<<"$answer")
		[[ $kid =~ ^$KV_URL/keys/pg/[0-9a-f]{32}$ ]]
		[ "$value" != "$secret" ]
		rest POST "${kid#"$KV_URL"}/unwrapkey" \
			"{\"alg\":\"$alg\",\"value\":\"$value\"}" |
			member ".value == \"$secret\" and .kid == \"$kid\""
	done
}

@test "another algorithm, another version or a changed blob does not unwrap" {
	local value

	value=$(echo secret | wrap pg | member .value)
	unwrap pg "$value" RSA-OAEP | answers 400 BadParameter
	unwrap pg "A${value#?}" | answers 400 BadParameter
	unwrap pg "${value%????}" | answers 400 BadParameter
	unwrap pg "$value" NONE | answers 400 BadParameter
	ctl key rotate pg >/dev/null
	unwrap pg "$value" | answers 400 BadParameter
}

@test "a plaintext of the longest size wraps and one byte more does not" {
	head -c 190 /dev/zero | wrap pg RSA-OAEP-256 | answers 200
	head -c 191 /dev/zero | wrap pg RSA-OAEP-256 |
		answers 400 BadParameter
	head -c 214 /dev/zero | wrap pg RSA-OAEP | answers 200
	head -c 215 /dev/zero | wrap pg RSA-OAEP | answers 400 BadParameter
}

@test "a disabled key is shown, wraps, and unwraps no more" {
	local value

	value=$(echo secret | wrap pg | member .value)
	ctl key disable pg >/dev/null
	rest GET /keys/pg | member '.attributes.enabled == false'
	unwrap pg "$value" | answers 403 Forbidden KeyDisabled
	echo secret | wrap pg | answers 200
	ctl switch disabled-wrap off >/dev/null
	echo secret | wrap pg | answers 403 Forbidden KeyDisabled
	ctl key enable pg >/dev/null
	unwrap pg "$value" | answers 200
}

@test "one version can be disabled alone" {
	local old value

	value=$(echo secret | wrap pg | member .value)
	old=$(rest GET /keys/pg | member .key.kid)
	ctl key rotate pg >/dev/null
	ctl key disable pg "${old##*/}" >/dev/null
	rest POST "${old#"$KV_URL"}/unwrapkey" \
		"{\"alg\":\"RSA-OAEP-256\",\"value\":\"$value\"}" |
		answers 403 Forbidden KeyDisabled
	value=$(echo secret | wrap pg | member .value)
	unwrap pg "$value" | answers 200
}

@test "an expired key unwraps and does not wrap, and so does a future one" {
	local value

	value=$(echo secret | wrap pg | member .value)
	ctl key exp pg +0 >/dev/null
	unwrap pg "$value" | answers 200
	echo secret | wrap pg | answers 403 Forbidden
	ctl key exp pg none >/dev/null
	ctl key nbf pg +60 >/dev/null
	unwrap pg "$value" | answers 200
	echo secret | wrap pg | answers 403 Forbidden
	ctl switch clock-offset 61 >/dev/null
	echo secret | wrap pg | answers 200
}

@test "the dates of a key stay as they were given, up to the year 3000" {
	use admin
	rest POST /keys/far/create \
		'{"kty":"RSA","attributes":{"nbf":32503680000,"exp":32535216000}}' |
		member '.attributes.nbf == 32503680000 and
			.attributes.exp == 32535216000'
}

@test "an operation that is not among key_ops is forbidden" {
	local value

	value=$(echo secret | wrap pg | member .value)
	ctl key ops pg get 2>/dev/null && return 1
	ctl key ops pg encrypt,wrapKey >/dev/null
	unwrap pg "$value" | answers 403 Forbidden KeyOperationForbidden
	echo secret | wrap pg | answers 200
}

@test "a deleted key is gone for everything but recover and its name" {
	local value

	value=$(echo secret | wrap pg | member .value)
	use admin
	rest DELETE /keys/pg | member '.recoveryId and .deletedDate and
		.scheduledPurgeDate == .deletedDate + 90 * 86400'
	rest GET /keys/pg | answers 404 KeyNotFound
	rest DELETE /keys/pg | answers 404 KeyNotFound
	unwrap pg "$value" | answers 404 KeyNotFound
	rest POST /keys/pg/create '{"kty":"RSA"}' |
		answers 409 Conflict ObjectIsDeletedButRecoverable
	rest GET /deletedkeys/pg | answers 200
	rest GET /deletedkeys | member '.value | length == 1'
	rest GET /keys | member '.value | length == 0'
	rest POST /deletedkeys/pg/recover | answers 200
	rest GET /deletedkeys/pg | answers 404 KeyNotFound
	rest POST /deletedkeys/pg/recover | answers 404 KeyNotFound
	unwrap pg "$value" | member '.value == "c2VjcmV0Cg"'
}

@test "purge protection forbids purge, and without it the name is free" {
	use admin
	rest GET /keys/pg | member '.attributes.recoveryLevel == "Recoverable"'
	rest DELETE /keys/pg | answers 200
	rest DELETE /deletedkeys/pg | answers 403 Forbidden
	ctl switch purge-protection off >/dev/null
	rest DELETE /deletedkeys/pg | answers 204
	rest DELETE /deletedkeys/pg | answers 404 KeyNotFound
	rest POST /keys/pg/create '{"kty":"RSA"}' | member \
		'.attributes.recoveryLevel == "Recoverable+Purgeable"'
}

@test "a vault with short retention says so and forgets in time" {
	use admin
	ctl switch retention-days 7 >/dev/null
	rest GET /keys/pg | member '.attributes |
		.recoveryLevel == "CustomizedRecoverable" and
		.recoverableDays == 7'
	rest DELETE /keys/pg | answers 200
	ctl switch clock-offset $((7 * 86400 - 60)) >/dev/null
	rest GET /deletedkeys/pg | answers 200
	ctl switch clock-offset $((7 * 86400 + 1)) >/dev/null
	rest GET /deletedkeys/pg | answers 404 KeyNotFound
}

@test "a deletion that is on its way can be neither seen nor undone" {
	use admin
	ctl switch consistency-delay 60000 >/dev/null
	rest DELETE /keys/pg | answers 200
	rest GET /keys/pg | answers 404 KeyNotFound
	rest GET /deletedkeys/pg | answers 404 KeyNotFound
	rest POST /deletedkeys/pg/recover |
		answers 409 Conflict ObjectIsBeingDeleted
	rest POST /keys/pg/create '{"kty":"RSA"}' |
		answers 409 Conflict ObjectIsBeingDeleted
}

# comes_to STATUS METHOD PATH: within a generous time
comes_to() {
	local i

	for ((i = 0; i < 100; i++)); do
		rest "$2" "$3" >/dev/null
		[ "$(status)" != "$1" ] || return 0
		sleep 0.1
	done
	return 1
}

@test "a delayed deletion or recovery shows in the end" {
	use admin
	ctl switch consistency-delay 500 >/dev/null
	rest DELETE /keys/pg | answers 200
	comes_to 200 GET /deletedkeys/pg
	rest POST /deletedkeys/pg/recover | answers 200
	comes_to 200 GET /keys/pg
}

@test "replicas that disagree answer by turns until they agree" {
	use admin
	ctl key delete pg >/dev/null
	ctl switch consistency-delay 60000 >/dev/null
	ctl switch consistency-flap on >/dev/null
	ctl key recover pg >/dev/null
	rest GET /keys/pg | answers 404 KeyNotFound
	rest GET /keys/pg | answers 200
	rest GET /keys/pg | answers 404 KeyNotFound
	rest GET /keys/pg | answers 200
}
