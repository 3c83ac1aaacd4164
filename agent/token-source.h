/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a kind of token source is to token.c: how it is asked, and what its
 * errors mean.  Private to the token*.c files.
 */
#ifndef CMK_TOKEN_SOURCE_H
#define CMK_TOKEN_SOURCE_H

#include "token.h"

/**
 * struct cmk_token_ask - the request for a token
 * @kind, @url, @headers: see struct cmk_http_call
 * @form: body of a POST, empty for a GET
 */
struct cmk_token_ask {
	enum cmk_http_kind kind;
	char url[1024];
	const char *const *headers;
	struct cmk_secret form;
};

/**
 * struct cmk_token_method - a kind of source
 * @auth: its name in cmkd.conf
 * @what: its name in messages
 * @check: are the settings complete?
 * @ask: make the request; an error is one of this node's
 * @judge: what HTTP @status with the OAuth error code @error says; @error is
 *	NULL if the answer was not of that form
 */
struct cmk_token_method {
	const char *auth;
	const char *what;
	int (*check)(const struct cmk_token_settings *s, struct cmk_error *e);
	int (*ask)(const struct cmk_token_settings *s,
		   const struct cmk_cloud *cloud, struct cmk_token_ask *ret,
		   struct cmk_error *e);
	void (*judge)(int status, const char *error,
		      struct cmk_token_result *res);
};

extern const struct cmk_token_method cmk_token_imds;
extern const struct cmk_token_method cmk_token_client_secret;

/**
 * cmk_token_claims() - read oid, tid and appid out of a JWT
 *
 * Nothing is verified.  What is missing or too long stays "", as does all of
 * it if the token is no JWT.
 */
void cmk_token_claims(struct cmk_token *token);

/**
 * cmk_token_parse() - read a token endpoint's answer of status 200
 * @body: is changed: the token in it is blanked
 * @ret_life: seconds
 *
 * Numbers may be strings, as the metadata service writes them.
 *
 * Return: 0, or -EBADMSG if it is not what RFC 6749 section 5.1 says.
 */
int cmk_token_parse(char *body, size_t len, struct cmk_token *ret,
		    int64_t *ret_life);

/**
 * cmk_token_parse_error() - read an error of RFC 6749 section 5.2
 * @error, @description: printable, "" if the body has none
 */
void cmk_token_parse_error(const char *body, size_t len, char *error,
			   size_t error_size, char *description,
			   size_t description_size);

/**
 * cmk_percent_encode() - append @text to a URL or form
 * @pos: end of what is in @buf; moved
 *
 * Return: 0 or -ENOSPC; no NUL is written.
 */
int cmk_percent_encode(char *buf, size_t size, size_t *pos, const char *text,
		       size_t len);

#endif
