/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What went wrong, in a form that crosses from the library through the agent
 * to the command line: an exit status, a word for scripts, text for people.
 */
#ifndef CMK_ERROR_H
#define CMK_ERROR_H

/* Exit statuses of cmkctl(8), see Documentation/man/cmkctl.8 */
enum cmk_status {
	CMK_OK		= 0,
	CMK_FAILED	= 1,
	CMK_USAGE	= 2,	/* nothing was done */
	CMK_NOT_PERMITTED = 3,	/* the caller may not */
	CMK_DENIED	= 4,	/* refused by the key server */
	CMK_TEMPORARY	= 5,	/* unreachable, throttled, not signed in */
	CMK_UNSUITABLE	= 6,	/* device or header; nothing was written */
	CMK_PARTIAL	= 7,	/* done in part; the text says what is left */
};

/**
 * struct cmk_error - one failure
 * @status: exit status that it leads to
 * @err: negative errno
 * @http: status of the key server's answer, 0 if there was none
 * @code: word for scripts, e.g. "throttled", "header-damaged"
 * @text: what failed, on what object, why, and what to do; never a secret
 */
struct cmk_error {
	enum cmk_status status;
	int err;
	int http;
	char code[48];
	char text[512];
};

/**
 * cmk_error_set() - fill an error
 * @e: may be NULL
 *
 * Return: @err, so that a failing function can end in one statement.
 */
int cmk_error_set(struct cmk_error *e, enum cmk_status status, int err,
		  const char *code, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/**
 * cmk_error_partly() - what has failed came after what cannot be taken back
 * @done: what that is
 * @advice: what to do
 *
 * Return: negative errno of @e
 */
int cmk_error_partly(struct cmk_error *e, const char *done,
		     const char *advice);

#endif
