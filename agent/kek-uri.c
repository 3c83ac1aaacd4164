// SPDX-License-Identifier: GPL-2.0
/*
 * Ids of keys in a vault.  Owns their grammar, and the table of the clouds'
 * host names: which host may be sent a token, and for which resource.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kek-uri.h"

#define SCHEME	"https://"

static const struct cmk_cloud clouds[] = {
	{ ".vault.azure.net", "https://vault.azure.net",
	  "https://login.microsoftonline.com" },
	{ ".managedhsm.azure.net", "https://managedhsm.azure.net",
	  "https://login.microsoftonline.com" },
	{ ".vault.azure.cn", "https://vault.azure.cn",
	  "https://login.chinacloudapi.cn" },
	{ ".managedhsm.azure.cn", "https://managedhsm.azure.cn",
	  "https://login.chinacloudapi.cn" },
	{ ".vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net",
	  "https://login.microsoftonline.us" },
	{ ".managedhsm.usgovcloudapi.net",
	  "https://managedhsm.usgovcloudapi.net",
	  "https://login.microsoftonline.us" },
};

/* Copies characters of @set, lower case if @lower; what stops it is next. */
static int take(const char **text, const char *set, bool lower, char *ret,
		size_t size)
{
	size_t i, n = strspn(*text, set);

	if (n == 0 || n >= size)
		return -EINVAL;
	for (i = 0; i < n; i++)
		ret[i] = lower ? tolower((unsigned char)(*text)[i]) :
				 (*text)[i];
	ret[n] = '\0';
	*text += n;
	return 0;
}

#define DIGITS	"0123456789"
#define ALNUM	DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static int take_host(const char **text, char *ret, size_t size)
{
	char port[6];
	size_t n;

	if (take(text, ALNUM "-.", true, ret, size))
		return -EINVAL;
	if (ret[0] == '.' || ret[0] == '-')
		return -EINVAL;
	if (**text != ':')
		return 0;
	(*text)++;
	if (take(text, DIGITS, false, port, sizeof(port)) || port[0] == '0')
		return -EINVAL;
	if (!strcmp(port, "443"))
		return 0;
	n = strlen(ret);
	if (n + 1 + strlen(port) >= size)
		return -EINVAL;
	snprintf(ret + n, size - n, ":%s", port);
	return 0;
}

int cmk_kek_uri_parse(struct cmk_kek_uri *ret, const char *text)
{
	struct cmk_kek_uri uri = { 0 };

	if (strncasecmp(text, SCHEME, strlen(SCHEME)))
		return -EINVAL;
	text += strlen(SCHEME);
	if (take_host(&text, uri.host, sizeof(uri.host)))
		return -EINVAL;
	if (strncasecmp(text, "/keys/", 6))
		return -EINVAL;
	text += 6;
	if (take(&text, ALNUM "-", false, uri.name, sizeof(uri.name)))
		return -EINVAL;
	if (*text == '/' && text[1]) {
		text++;
		if (take(&text, ALNUM, true, uri.version,
			 sizeof(uri.version)))
			return -EINVAL;
	}
	if (*text == '/')
		text++;
	if (*text)
		return -EINVAL;
	*ret = uri;
	return 0;
}

int cmk_kek_uri_format(const struct cmk_kek_uri *uri, char *ret, size_t size)
{
	int n = snprintf(ret, size, SCHEME "%s/keys/%s%s%s", uri->host,
			 uri->name, uri->version[0] ? "/" : "", uri->version);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

bool cmk_kek_uri_same_key(const struct cmk_kek_uri *a,
			  const struct cmk_kek_uri *b)
{
	return !strcasecmp(a->host, b->host) && !strcasecmp(a->name, b->name);
}

const struct cmk_cloud *cmk_cloud_of(const struct cmk_kek_uri *uri)
{
	size_t i, host = strcspn(uri->host, ":");

	for (i = 0; i < sizeof(clouds) / sizeof(clouds[0]); i++) {
		size_t len = strlen(clouds[i].suffix);

		if (host > len &&
		    !strncmp(uri->host + host - len, clouds[i].suffix, len))
			return &clouds[i];
	}
	return NULL;
}

const struct cmk_cloud *cmk_cloud_default(void)
{
	return &clouds[0];
}
