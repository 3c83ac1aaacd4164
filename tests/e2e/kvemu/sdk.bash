# SPDX-License-Identifier: GPL-2.0
#
# Node and the Azure SDK for tests: taken from the machine where they are, and
# otherwise from the package registry, into a cache outside of the tree.

SDK_DIR=$BATS_TEST_DIRNAME/kvemu

# sdk_install: sets SDK_MODULES
sdk_install() {
	local cache=${CMK_CACHE:-/var/cache/cmk} lock

	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
			--no-install-recommends nodejs npm ||
			return
	fi
	lock=$(cat "$SDK_DIR/package.json" "$SDK_DIR/package-lock.json" |
		sha256sum | cut -c1-16)
	SDK_MODULES=$cache/npm-$lock/node_modules
	mkdir -p "$cache" || return
	# Two runs may be here at once; the second finds the work done.
	(
		flock 9 || exit
		[ ! -e "$cache/npm-$lock/done" ] || exit 0
		rm -rf "$cache/npm-$lock"
		mkdir "$cache/npm-$lock" || exit
		cd "$cache/npm-$lock" || exit
		cp "$SDK_DIR/package.json" "$SDK_DIR/package-lock.json" . &&
			npm ci --ignore-scripts --no-audit --no-fund &&
			touch done
	) 9>"$cache/npm-$lock.lock"
}

# sdk CASE: one case of sdk.js against the running kvemu
sdk() {
	(umask 077; printf %s "$KV_TOKEN" >"$BATS_TEST_TMPDIR/token")
	NODE_EXTRA_CA_CERTS=$KV_DIR/ca.pem NODE_PATH=$SDK_MODULES \
		node "$SDK_DIR/sdk.js" "$1" "$KV_URL" "$BATS_TEST_TMPDIR/token" \
		"$KVEMU" "$KV_DIR"
}
