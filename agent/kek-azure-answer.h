/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Key Vault's answers mean.  Private to kek-azure.c and its tests: no
 * network, no state.
 */
#ifndef CMK_KEK_AZURE_ANSWER_H
#define CMK_KEK_AZURE_ANSWER_H

#include "kek-op.h"

/**
 * struct cmk_azure_reply - an answer, read as far as its meaning needs
 * @status: of HTTP
 * @empty: there is no body
 * @is_error: the body is the service's own error object, with a code
 * @code, @inner: error.code and error.innererror.code, printable
 * @message: error.message, printable, cut
 */
struct cmk_azure_reply {
	int status;
	bool empty, is_error;
	char code[48], inner[48];
	char message[160];
};

/**
 * cmk_azure_read() - read an answer that is not a success
 * @is_json: the content type says application/json
 */
void cmk_azure_read(struct cmk_azure_reply *ret, int status, bool is_json,
		    const char *body, size_t len);

/**
 * cmk_azure_classify() - what an answer says about the right to use the key
 *
 * By status, code and inner code alone, never by the message; what is not in
 * the table is unknown.  A status without the service's own JSON proves
 * nothing, except an empty 401, which is how Managed HSM asks for a token.
 */
enum cmk_answer cmk_azure_classify(const struct cmk_azure_reply *reply,
				   enum cmk_kek_again *ret_again);

/**
 * cmk_azure_take() - read the answer to a successful operation into op->res
 * @body: is changed: the unwrapped value in it is blanked
 *
 * The answer must name the key that was asked for, in the version that was
 * asked for.
 *
 * Return: NULL, or what is wrong with it.
 */
const char *cmk_azure_take(struct cmk_kek_op *op, char *body, size_t len);

#endif
