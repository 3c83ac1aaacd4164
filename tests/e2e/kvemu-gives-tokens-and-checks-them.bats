#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Token endpoints, the challenge, the checks of a token, and permissions.
#
# cmk-timeout: 120

load kvemu/kvemu

setup() {
	kvemu_start
	ctl key create pg >/dev/null
}

teardown() {
	kvemu_stop
}

# imds QUERY [HEADER]: prints the answer, sets what status() reads
imds() {
	curl -sS --max-time 20 -H "${2-Metadata: true}" \
		-w '%{stderr}%{http_code}' \
		"$KV_IMDS/metadata/identity/oauth2/token?$1" \
		2>"$BATS_TEST_TMPDIR/status"
}

IMDS_QUERY='api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net'

# form FIELD... : the token endpoint of the directory; a secret comes in a file
form() {
	local args=() field

	for field; do
		args+=(--data-urlencode "$field")
	done
	kv_curl "${args[@]}" -w '%{stderr}%{http_code}' \
		"$KV_URL/${TENANT-$(ctl --get tenant state)}/oauth2/v2.0/token" \
		2>"$BATS_TEST_TMPDIR/status"
}

claims() {
	cut -d. -f2 | tr -- '-_' '+/' | base64 -d 2>/dev/null
}

@test "without a token there is a challenge that names tenant and audience" {
	local tenant

	tenant=$(ctl --get tenant state)
	rest GET /keys/pg | answers 401 Unauthorized
	[ "$(header www-authenticate)" = "Bearer authorization=\"$KV_URL/$tenant\", resource=\"https://vault.azure.net\"" ]
}

@test "a managed identity gets a token whose claims say who it is" {
	local oid tenant

	oid=$(ctl --get identities.0.oid state)
	tenant=$(ctl --get tenant state)
	imds "$IMDS_QUERY" >"$BATS_TEST_TMPDIR/token.json"
	[ "$(status)" = 200 ]
	member '.token_type == "Bearer" and .expires_in == "3599" and
		(.expires_on | test("^[0-9]+$"))' <"$BATS_TEST_TMPDIR/token.json"
	jq -r .access_token "$BATS_TEST_TMPDIR/token.json" | claims |
		member ".oid == \"$oid\" and .tid == \"$tenant\" and
			.aud == \"https://vault.azure.net\" and .exp > .iat"
	KV_TOKEN=$(jq -r .access_token "$BATS_TEST_TMPDIR/token.json")
	rest GET /keys/pg | answers 200
}

@test "the metadata service wants its header, a version and a resource" {
	imds "$IMDS_QUERY" 'Metadata: false' |
		member '.error == "bad_request_102"'
	[ "$(status)" = 400 ]
	imds 'api-version=2018-02-01' | member '.error == "invalid_resource"'
	imds 'resource=https://vault.azure.net' |
		member '.error == "invalid_request"'
	imds "$IMDS_QUERY&client_id=00000000-0000-0000-0000-000000000000" |
		member '.error_description == "Identity not found"'
}

@test "an identity is found by client id, object id and resource id" {
	local oid client by

	ctl identity add second >"$BATS_TEST_TMPDIR/id"
	oid=$(jq -r .oid "$BATS_TEST_TMPDIR/id")
	client=$(jq -r .client_id "$BATS_TEST_TMPDIR/id")
	for by in "client_id=$client" "object_id=$oid" \
		"msi_res_id=/subscriptions/x/userAssignedIdentities/second"; do
		imds "$IMDS_QUERY&$by" | jq -r .access_token | claims |
			member ".oid == \"$oid\""
	done
	ctl switch imds-identity second >/dev/null
	imds "$IMDS_QUERY" | jq -r .access_token | claims |
		member ".oid == \"$oid\""
}

@test "an application gets a token for its secret, and only for that" {
	local client secret

	ctl app add web >"$BATS_TEST_TMPDIR/app"
	client=$(jq -r .client_id "$BATS_TEST_TMPDIR/app")
	jq -r '.client_secret' "$BATS_TEST_TMPDIR/app" | tr -d '\n' \
		>"$BATS_TEST_TMPDIR/secret"
	form grant_type=client_credentials "client_id=$client" \
		"client_secret@$BATS_TEST_TMPDIR/secret" \
		scope=https://vault.azure.net/.default \
		>"$BATS_TEST_TMPDIR/token.json"
	[ "$(status)" = 200 ]
	member '.token_type == "Bearer" and .expires_in == 3599' \
		<"$BATS_TEST_TMPDIR/token.json"
	KV_TOKEN=$(jq -r .access_token "$BATS_TEST_TMPDIR/token.json")
	rest GET /keys/pg | answers 200

	form grant_type=client_credentials "client_id=$client" \
		client_secret=wrong scope=https://vault.azure.net/.default |
		member '.error == "invalid_client" and
			.error_codes == [7000215]'
	[ "$(status)" = 401 ]
	form grant_type=client_credentials client_id=nobody \
		client_secret=wrong scope=https://vault.azure.net/.default |
		member '.error == "unauthorized_client"'
	form grant_type=password scope=https://vault.azure.net/.default |
		member '.error == "unsupported_grant_type"'
	form grant_type=client_credentials "client_id=$client" \
		"client_secret@$BATS_TEST_TMPDIR/secret" \
		scope=https://vault.azure.net | member '.error == "invalid_scope"'
	TENANT=other form grant_type=client_credentials |
		member '.error_codes == [90002]'
	ctl app expire web >/dev/null
	form grant_type=client_credentials "client_id=$client" \
		"client_secret@$BATS_TEST_TMPDIR/secret" \
		scope=https://vault.azure.net/.default |
		member '.error_codes == [7000222]'
}

@test "applications can come from a file, and no file holds their secret" {
	echo '11111111-2222-3333-4444-555555555555:Pa+ss word&1' \
		>"$BATS_TEST_TMPDIR/apps"
	printf %s 'Pa+ss word&1' >"$BATS_TEST_TMPDIR/secret"
	kvemu_stop
	kvemu_start --apps "$BATS_TEST_TMPDIR/apps"
	form grant_type=client_credentials \
		client_id=11111111-2222-3333-4444-555555555555 \
		"client_secret@$BATS_TEST_TMPDIR/secret" \
		scope=https://vault.azure.net/.default |
		member .access_token
	run grep -rF 'Pa+ss word' "$KV_DIR"
	[ "$status" -eq 1 ]
}

@test "a token for another audience, tenant, time or key of ours is refused" {
	use default --resource https://vault.azure.net/
	rest GET /keys/pg | member '.error.message | startswith("AKV10022")'
	[ "$(status)" = 401 ]
	[[ $(header www-authenticate) == *'error="invalid_token"'* ]]
	use default --tenant 11111111-2222-3333-4444-555555555555
	rest GET /keys/pg | member '.error.message | startswith("AKV10032")'
	use default --lifetime -1
	rest GET /keys/pg | answers 401 Unauthorized
	use default
	KV_TOKEN=${KV_TOKEN%????}AAAA
	rest GET /keys/pg | answers 401 Unauthorized
	KV_TOKEN=x
	rest GET /keys/pg | answers 401 Unauthorized
	ctl switch accept-any-token on >/dev/null
	rest GET /keys/pg | answers 200
}

@test "the default identity may get, wrap and unwrap, and nothing else" {
	use default
	rest GET /keys/pg | answers 200
	echo secret | wrap pg | answers 200
	rest POST /keys/new/create '{"kty":"RSA"}' |
		answers 403 Forbidden ForbiddenByPolicy
	rest GET /keys | answers 403 Forbidden ForbiddenByPolicy
	rest DELETE /keys/pg | answers 403 Forbidden ForbiddenByPolicy
	rest POST /keys/pg/rotate | answers 403 Forbidden ForbiddenByPolicy
}

@test "a permission is withdrawn at once, in each wording, and given back" {
	local value style inner

	use default
	value=$(echo secret | wrap pg | member .value)
	while read -r style inner; do
		ctl deny default unwrapKey --style "$style" >/dev/null
		unwrap pg "$value" | answers 403 Forbidden "$inner"
		echo secret | wrap pg | answers 200
	done <<-END
		policy ForbiddenByPolicy
		rbac ForbiddenByRbac
		access AccessDenied
	END
	ctl allow default unwrapKey >/dev/null
	unwrap pg "$value" | answers 200
}

@test "get can be denied while wrap and unwrap work" {
	local value

	use default
	ctl deny default get >/dev/null
	rest GET /keys/pg | answers 403 Forbidden ForbiddenByPolicy
	value=$(echo secret | wrap pg | member .value)
	unwrap pg "$value" | answers 200
	ctl reset >/dev/null
	rest GET /keys/pg | answers 200
}

@test "a removed identity is refused with the token it still has" {
	ctl identity add gone >/dev/null
	use gone
	rest GET /keys/pg | answers 200
	ctl identity remove gone >/dev/null
	rest GET /keys/pg | answers 403 Forbidden ForbiddenByPolicy
}

@test "token endpoints fail as they are told" {
	ctl switch token-error 503 >/dev/null
	imds "$IMDS_QUERY" >/dev/null
	[ "$(status)" = 503 ]
	form grant_type=client_credentials | member .error
	[ "$(status)" = 503 ]
	ctl switch token-error invalid_client >/dev/null
	form grant_type=client_credentials |
		member '.error == "invalid_client"'
	[ "$(status)" = 401 ]
	ctl switch token-error off >/dev/null
	imds "$IMDS_QUERY" >/dev/null
	[ "$(status)" = 200 ]
}
