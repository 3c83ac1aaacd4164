# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The package archive as this machine's own apt configuration names it.  No
# address stands in the tree: a machine behind a mirror keeps using its mirror.

CMK_CACHE=${CMK_CACHE:-/var/cache/cmk}

note() { printf '%s\n' "$*" >&2; }
die() { note "${0##*/}: $*"; exit 1; }

# apt has been seen to die of a signal for no reason of its own; one more try
# then tells a broken request from bad luck.
once_more() {
	local rc=0

	"$@" || rc=$?
	if [ "$rc" -gt 128 ]; then
		note "$1 ended by signal $((rc - 128)), once more"
		rc=0
		"$@" || rc=$?
	fi
	return "$rc"
}

apt_get() {
	DEBIAN_FRONTEND=noninteractive once_more apt-get -q \
		-o DPkg::Lock::Timeout=600 -o APT::Sandbox::User=root "$@"
}

# apt_install [PACKAGE | PACKAGE/SUITE]...: silent unless it fails
apt_install() {
	local log

	mkdir -p "$CMK_CACHE"
	log=$(mktemp "$CMK_CACHE/apt.XXXXXX")
	if ! apt_get install -y --no-install-recommends "$@" >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		die "apt-get install failed, see $log"
	fi
	rm -f "$log"
}

# The suites in use, one line each: address, suite, component
archive_list() {
	# shellcheck disable=SC2016 # apt's placeholders, not the shell's
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' \
		'Created-By: Packages' | sort -u
}

# What apt must be told to reach the archive from another root: proxies and
# how it checks dates.
archive_options() {
	apt-config dump | grep -E \
		'^Acquire::(https?|Check-|Retries|AllowInsecure)[^ ]* "[^"]+"'
}

# The index may be missing altogether, as in a container's base image.
archive_ready() {
	if ! archive_list | grep -q '/\? bookworm main$'; then
		apt_get update >/dev/null 2>&1 || die "apt-get update failed"
		archive_list | grep -q '/\? bookworm main$' ||
			die "apt knows no archive with Debian 12 (bookworm)"
	fi
}

# backports_ready: bookworm-backports known to apt, pinned below zero so that
# nothing comes from it that was not asked for by name.
backports_ready() {
	local uri parts=/etc/apt/sources.list.d pins=/etc/apt/preferences.d

	archive_ready
	if archive_list | grep -q ' bookworm-backports main$'; then
		return 0
	fi
	uri=$(archive_list | awk '$2 == "bookworm" {print $1; exit}')
	cat >"$pins/cmk-backports" <<-EOF
		Package: *
		Pin: release n=bookworm-backports
		Pin-Priority: -1
	EOF
	cat >"$parts/cmk-backports.sources" <<-EOF
		Types: deb
		URIs: $uri
		Suites: bookworm-backports
		Components: main
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	EOF
	apt_get update >/dev/null 2>&1
	archive_list | grep -q ' bookworm-backports main$' ||
		die "cannot fetch the index of bookworm-backports"
}

# with_lock NAME COMMAND...: builders of one cache entry take turns
with_lock() {
	local name=$1

	shift
	mkdir -p "$CMK_CACHE"
	(
		flock 9
		"$@"
	) 9>"$CMK_CACHE/$name.lock"
}
