// SPDX-License-Identifier: GPL-2.0
/*
 * Fills the error object.  What a disk or a server said ends up in its text,
 * so the text is made harmless for terminals and for JSON here, once.
 */
#include <stdarg.h>
#include <stdio.h>

#include "error.h"

/*
 * Printable ASCII only: control sequences never reach a terminal, and a
 * multi-byte character that the buffer's end has cut is not invalid UTF-8.
 */
static void make_printable(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}

int cmk_error_set(struct cmk_error *e, enum cmk_status status, int err,
		  const char *code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return err;

	e->status = status;
	e->err = err;
	e->http = 0;
	snprintf(e->code, sizeof(e->code), "%s", code);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	make_printable(e->code);
	make_printable(e->text);
	return err;
}

int cmk_error_partly(struct cmk_error *e, const char *done,
		     const char *advice)
{
	struct cmk_error why = *e;

	return cmk_error_set(e, CMK_PARTIAL, why.err, why.code,
			     "%s, but %.300s; %s", done, why.text, advice);
}
