/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Access tokens: JSON Web Tokens that the emulator issues and verifies itself.
 */
#ifndef KVEMU_TOKEN_H
#define KVEMU_TOKEN_H

#include "vault.h"

/**
 * struct token - the claims that matter
 * @oid, @appid, @tid: who
 * @aud: for which service
 * @nbf, @exp: from when until when, Unix seconds
 */
struct token {
	char oid[UUID_LEN];
	char appid[UUID_LEN];
	char tid[UUID_LEN];
	char aud[256];
	int64_t nbf;
	int64_t exp;
};

/**
 * token_issue() - sign a token
 * @v: vault, for its secret
 * @tk: claims
 *
 * Return: text, freed by the caller, or NULL.
 */
char *token_issue(const struct vault *v, const struct token *tk);

/**
 * token_verify() - check form and signature, not time nor audience
 *
 * Return: 0 or -EBADMSG.
 */
int token_verify(const struct vault *v, const char *text, struct token *tk);

#endif
