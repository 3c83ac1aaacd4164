// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the parameters of a request, strictly: a caller that is of another
 * version hears what it sent in vain.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "methods.h"
#include "span.h"

static int bad(struct cmk_error *e, const char *key, const char *what)
{
	return cmk_error_set(e, CMK_USAGE, -EINVAL, "bad-parameter",
			     "parameter '%s' %s", key, what);
}

int cmk_param_text(const struct cmk_request *req, const char *key, char *ret,
		   unsigned int size, bool required, struct cmk_error *e)
{
	const json_t *j = json_object_get(req->parameters, key);
	const char *s = json_string_value(j);

	ret[0] = 0;
	if (!j)
		return required ? bad(e, key, "is missing") : 0;
	if (!s)
		return bad(e, key, "is no text");
	if (json_string_length(j) >= size)
		return bad(e, key, "is too long");
	if (required && !*s)
		return bad(e, key, "is empty");
	strcpy(ret, s);
	return 0;
}

int cmk_param_number(const struct cmk_request *req, const char *key,
		     uint64_t *ret, struct cmk_error *e)
{
	const json_t *j = json_object_get(req->parameters, key);

	*ret = 0;
	if (!j)
		return 0;
	if (!json_is_integer(j) || json_integer_value(j) < 0)
		return bad(e, key, "is no whole number");
	*ret = json_integer_value(j);
	return 0;
}

int cmk_param_flag(const struct cmk_request *req, const char *key, bool *ret,
		   struct cmk_error *e)
{
	const json_t *j = json_object_get(req->parameters, key);

	*ret = json_is_true(j);
	return j && !json_is_boolean(j) ? bad(e, key, "is not true or false") :
					  0;
}

int cmk_param_uuid(const struct cmk_request *req, unsigned char ret[16],
		   struct cmk_error *e)
{
	char text[40];
	int r;

	r = cmk_param_text(req, "uuid", text, sizeof(text), true, e);
	if (r)
		return r;
	return cmk_parse_uuid(text, ret) ? bad(e, "uuid", "is no uuid") : 0;
}

int cmk_param_check(const struct cmk_request *req, const char *const *known,
		    struct cmk_error *e)
{
	const char *key;
	json_t *value;

	json_object_foreach(req->parameters, key, value) {
		const char *const *k = known;

		while (*k && strcmp(*k, key))
			k++;
		if (!*k)
			return bad(e, key, "is not known to this agent");
	}
	return 0;
}
