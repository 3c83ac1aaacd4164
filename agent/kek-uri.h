/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ids of keys in a vault: taken apart, brought into one form, compared; and
 * which cloud a vault's host belongs to.
 */
#ifndef CMK_KEK_URI_H
#define CMK_KEK_URI_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct cmk_kek_uri - https://HOST[:PORT]/keys/NAME[/VERSION]
 * @host: lower case, with ":port" unless that is 443
 * @name: of the key, as it was written
 * @version: lower case, "" for the newest
 */
struct cmk_kek_uri {
	char host[256];
	char name[128];
	char version[65];
};

/**
 * cmk_kek_uri_parse() - take an id apart
 *
 * Strict, since a token is sent to the host: no user, query or fragment, and
 * only the characters that Key Vault allows in a name (1-127 of 0-9 A-Z a-z
 * and "-").  A trailing slash is allowed, services write ids without a
 * version that way.
 *
 * Return: 0 or -EINVAL.
 */
int cmk_kek_uri_parse(struct cmk_kek_uri *ret, const char *text);

/* Return: 0 or -ENAMETOOLONG. */
int cmk_kek_uri_format(const struct cmk_kek_uri *uri, char *ret, size_t size);

/* Same host and name; Key Vault compares ids without regard to case. */
bool cmk_kek_uri_same_key(const struct cmk_kek_uri *a,
			  const struct cmk_kek_uri *b);

/**
 * struct cmk_cloud - where a vault's tokens come from
 * @suffix: of the vault's host
 * @resource: what a token must be for; no slash at its end, or the vault
 *	refuses the audience
 * @authority: issues tokens for a client secret
 */
struct cmk_cloud {
	const char *suffix;
	const char *resource;
	const char *authority;
};

/*
 * Return: the cloud whose vaults have this host name, NULL for any other
 * host: no token may be sent there.
 */
const struct cmk_cloud *cmk_cloud_of(const struct cmk_kek_uri *uri);

/* The public cloud's, for an emulator under any name. */
const struct cmk_cloud *cmk_cloud_default(void);

#endif
