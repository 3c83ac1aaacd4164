// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the question whether a key is the one that was named.  Apart from
 * kek.c, so that a command that only asks this needs no provider.
 */
#include <string.h>
#include <strings.h>

#include "kek-uri.h"
#include "kek.h"

#define SERVICE	"service"

bool cmk_kek_match(const char *uri, const char *kid)
{
	struct cmk_kek_uri a, b;

	if (!strcmp(uri, SERVICE))
		return !strncmp(kid, SERVICE ":", strlen(SERVICE) + 1);
	if (!strncmp(uri, SERVICE ":", strlen(SERVICE) + 1))
		return !strcasecmp(uri, kid);
	if (cmk_kek_uri_parse(&a, uri) || cmk_kek_uri_parse(&b, kid))
		return false;
	return cmk_kek_uri_same_key(&a, &b) &&
	       (!a.version[0] || !strcmp(a.version, b.version));
}
