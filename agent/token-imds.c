// SPDX-License-Identifier: GPL-2.0
/*
 * Tokens of the machine's managed identity, from the metadata service on its
 * link (IMDS).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "token-source.h"

#define ENDPOINT	"http://169.254.169.254"
#define API		"/metadata/identity/oauth2/token?api-version=2018-02-01"

static int imds_check(const struct cmk_token_settings *s, struct cmk_error *e)
{
	if (s->imds_endpoint && *s->imds_endpoint &&
	    strncmp(s->imds_endpoint, "http://", 7))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "auth-settings",
				     "ImdsEndpoint=%s: must begin with http://",
				     s->imds_endpoint);
	return 0;
}

static int append(struct cmk_token_ask *a, size_t *pos, const char *name,
		  const char *value)
{
	size_t room = sizeof(a->url) - 1;
	int n = snprintf(a->url + *pos, sizeof(a->url) - *pos, "&%s=", name);

	if (n < 0 || (size_t)n >= sizeof(a->url) - *pos)
		return -ENOSPC;
	*pos += n;
	if (cmk_percent_encode(a->url, room, pos, value, strlen(value)))
		return -ENOSPC;
	a->url[*pos] = '\0';
	return 0;
}

static int imds_ask(const struct cmk_token_settings *s,
		    const struct cmk_cloud *cloud, struct cmk_token_ask *ret,
		    struct cmk_error *e)
{
	static const char *const headers[] = { "Metadata: true", NULL };
	const char *end = s->imds_endpoint;
	size_t pos;
	int n;

	if (!end || !*end)
		end = ENDPOINT;
	ret->kind = CMK_HTTP_LOCAL;
	ret->headers = headers;
	n = snprintf(ret->url, sizeof(ret->url), "%s" API, end);
	pos = n;
	if (n < 0 || pos >= sizeof(ret->url) ||
	    append(ret, &pos, "resource", cloud->resource) ||
	    (s->client_id && *s->client_id &&
	     append(ret, &pos, "client_id", s->client_id)))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "auth-settings",
				     "ImdsEndpoint= or ClientId= is too long");
	return 0;
}

/*
 * 404 and 410 mean that the service is being updated (410: back within 70 s);
 * other 4xx are its no, e.g. that no such identity is attached.  The form
 * {"error", "error_description"} tells its answers from another server's.
 */
static void imds_judge(int status, const char *error,
		       struct cmk_token_result *res)
{
	res->again = status == 404 || status == 408 || status == 410 ||
		     status == 429 || status >= 500;
	res->refused = !res->again && error && (status == 400 ||
						status == 401 ||
						status == 403);
}

const struct cmk_token_method cmk_token_imds = {
	.auth = "managed-identity",
	.what = "the metadata service (managed identity)",
	.check = imds_check,
	.ask = imds_ask,
	.judge = imds_judge,
};
