// SPDX-License-Identifier: GPL-2.0
/*
 * Tokens for an application's client secret, from Entra's v2.0 endpoint
 * (OAuth 2.0 client credentials grant, RFC 6749 section 4.4).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "token-source.h"

#define SECRET_MAX	4096
#define CREDENTIAL	"credential:"
#define FILE_PREFIX	"file:"

static bool is_word(const char *s)
{
	return s && *s &&
	       strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ-.") == strlen(s);
}

static int bad_setting(const char *name, const char *what,
		       struct cmk_error *e)
{
	return cmk_error_set(e, CMK_USAGE, -EINVAL, "auth-settings",
			     "%s= for Auth=client-secret: %s", name, what);
}

static int secret_check(const struct cmk_token_settings *s,
			struct cmk_error *e)
{
	const char *from = s->client_secret ? s->client_secret : "";

	if (!is_word(s->tenant_id))
		return bad_setting("TenantId", "an id or a domain is needed",
				   e);
	if (!is_word(s->client_id))
		return bad_setting("ClientId", "an id is needed", e);
	if (strncmp(from, CREDENTIAL, strlen(CREDENTIAL)) &&
	    strncmp(from, FILE_PREFIX "/", strlen(FILE_PREFIX) + 1))
		return bad_setting("ClientSecret",
				   "credential:NAME or file:/PATH is needed",
				   e);
	if (s->authority_host && *s->authority_host &&
	    strncmp(s->authority_host, "https://", 8))
		return bad_setting("AuthorityHost", "must begin with https://",
				   e);
	return 0;
}

static int secret_path(const char *from, char *ret, size_t size,
		       struct cmk_error *e)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	int n;

	if (!strncmp(from, FILE_PREFIX, strlen(FILE_PREFIX))) {
		n = snprintf(ret, size, "%s", from + strlen(FILE_PREFIX));
	} else {
		from += strlen(CREDENTIAL);
		if (!dir)
			return cmk_error_set(e, CMK_FAILED, -ENOENT,
					     "credential",
					     "no systemd credential '%s': LoadCredential=%s:PATH is missing in cmkd.service",
					     from, from);
		n = snprintf(ret, size, "%s/%s", dir, from);
	}
	if (n < 0 || (size_t)n >= size)
		return cmk_error_set(e, CMK_USAGE, -ENAMETOOLONG, "credential",
				     "the path of the client secret is too long");
	return 0;
}

static int open_secret(const char *path, struct cmk_error *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || fstat(fd, &st)) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return cmk_error_set(e, CMK_FAILED, err, "credential",
				     "cannot read the client secret in %s: %s",
				     path, strerror(-err));
	}
	if (st.st_mode & 077) {
		close(fd);
		return cmk_error_set(e, CMK_FAILED, -EPERM, "credential",
				     "the client secret in %s can be read by others than its owner: chmod 0400 %s",
				     path, path);
	}
	return fd;
}

/* @ret: the first line of the file, without its end. */
static int read_secret(const struct cmk_token_settings *s,
		       struct cmk_secret *ret, size_t *ret_len,
		       struct cmk_error *e)
{
	char path[512];
	unsigned char *end;
	ssize_t n;
	int fd, r;

	r = secret_path(s->client_secret, path, sizeof(path), e);
	if (r)
		return r;
	fd = open_secret(path, e);
	if (fd < 0)
		return fd;
	r = cmk_secret_alloc(ret, SECRET_MAX);
	n = r ? 0 : read(fd, ret->data, SECRET_MAX);
	close(fd);
	if (r)
		return cmk_error_set(e, CMK_FAILED, r, "no-memory",
				     "no locked memory for the client secret");
	end = n > 0 ? memchr(ret->data, '\n', n) : NULL;
	if (end)
		n = end - ret->data;
	if (n > 0 && ret->data[n - 1] == '\r')
		n--;
	if (n <= 0 || n == SECRET_MAX)
		return cmk_error_set(e, CMK_FAILED, -EINVAL, "credential",
				     "the client secret in %s is empty or too long",
				     path);
	*ret_len = n;
	return 0;
}

static int make_form(const struct cmk_token_settings *s,
		     const struct cmk_cloud *cloud,
		     const struct cmk_secret *secret, size_t len,
		     struct cmk_secret *ret)
{
	__cmk_secret struct cmk_secret big = CMK_SECRET_INIT;
	size_t pos, size = 1024 + 3 * len;
	char *buf;
	int r = cmk_secret_alloc(&big, size);

	if (r)
		return r;
	buf = (char *)big.data;
	pos = snprintf(buf, size,
		       "grant_type=client_credentials&client_id=%s&scope=",
		       s->client_id);
	if (pos >= size)
		return -ENOSPC;
	r = cmk_percent_encode(buf, size, &pos, cloud->resource,
			       strlen(cloud->resource));
	if (!r && size - pos > 32)
		pos += sprintf(buf + pos, "%%2F.default&client_secret=");
	if (!r)
		r = cmk_percent_encode(buf, size, &pos,
				       (const char *)secret->data, len);
	if (!r)
		r = cmk_secret_alloc(ret, pos);
	if (!r)
		memcpy(ret->data, buf, pos);
	return r;
}

static int secret_ask(const struct cmk_token_settings *s,
		      const struct cmk_cloud *cloud,
		      struct cmk_token_ask *ret, struct cmk_error *e)
{
	__cmk_secret struct cmk_secret secret = CMK_SECRET_INIT;
	const char *host = s->authority_host;
	size_t len = 0, n;
	int r = read_secret(s, &secret, &len, e);

	if (r)
		return r;
	if (!host || !*host)
		host = cloud->authority;
	n = strlen(host);
	while (n && host[n - 1] == '/')
		n--;
	ret->kind = CMK_HTTP_TLS;
	r = snprintf(ret->url, sizeof(ret->url), "%.*s/%s/oauth2/v2.0/token",
		     (int)n, host, s->tenant_id);
	if (r < 0 || (size_t)r >= sizeof(ret->url))
		return bad_setting("AuthorityHost", "is too long", e);
	r = make_form(s, cloud, &secret, len, &ret->form);
	if (r)
		return cmk_error_set(e, CMK_FAILED, r, "no-memory",
				     "cannot make a token request: %s",
				     strerror(-r));
	return 0;
}

/* Errors that pass are named by the code as well as by the status. */
static void secret_judge(int status, const char *error,
			 struct cmk_token_result *res)
{
	res->again = status == 408 || status == 429 || status >= 500 ||
		     (error && (!strcmp(error, "temporarily_unavailable") ||
				!strcmp(error, "server_error")));
	res->refused = !res->again && error &&
		       (status == 400 || status == 401);
}

const struct cmk_token_method cmk_token_client_secret = {
	.auth = "client-secret",
	.what = "Entra (client secret)",
	.check = secret_check,
	.ask = secret_ask,
	.judge = secret_judge,
};
