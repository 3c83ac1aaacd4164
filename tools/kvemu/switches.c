// SPDX-License-Identifier: GPL-2.0
/*
 * The table of switches: name, kind, range, value in a new vault.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "switches.h"
#include "util.h"

enum kind {
	KIND_BOOL,
	KIND_COUNT,	/* on: until off; a number: that many times */
	KIND_STATUS,	/* on: the usual status; a number: that one */
	KIND_INT,
	KIND_WORD,
};

struct def {
	const char *name;
	enum kind kind;
	size_t offset;
	int start, min, max;
	bool setting;
};

#define F(field) offsetof(struct switches, field)

static const struct def defs[] = {
	{ "throttle", KIND_COUNT, F(throttle) },
	{ "retry-after", KIND_INT, F(retry_after), -1, -1, 3600 },
	{ "outage", KIND_STATUS, F(outage), 0, 503, 503 },
	{ "html", KIND_STATUS, F(html), 0, 502, 502 },
	{ "slow", KIND_INT, F(slow), 0, 0, 600000 },
	{ "quick", KIND_COUNT, F(quick) },
	{ "drop", KIND_COUNT, F(drop) },
	{ "refuse", KIND_COUNT, F(refuse) },
	{ "firewall", KIND_BOOL, F(firewall) },
	{ "no-public", KIND_BOOL, F(no_public) },
	{ "truncate", KIND_COUNT, F(truncate) },
	{ "claims", KIND_COUNT, F(claims) },
	{ "bad-padding", KIND_BOOL, F(bad_padding) },
	{ "wrong-plaintext", KIND_BOOL, F(wrong_plaintext) },
	{ "consistency-delay", KIND_INT, F(consistency_delay), 0, 0, 600000 },
	{ "consistency-flap", KIND_BOOL, F(consistency_flap) },
	{ "fault-op", KIND_WORD, F(fault_op), 0, 0,
	  sizeof(((struct switches *)0)->fault_op) },
	{ "token-error", KIND_WORD, F(token_error), 0, 0,
	  sizeof(((struct switches *)0)->token_error) },
	{ "token-slow", KIND_INT, F(token_slow), 0, 0, 600000 },
	{ "imds-identity", KIND_WORD, F(imds_identity), 0, 0,
	  sizeof(((struct switches *)0)->imds_identity) },
	{ "clock-offset", KIND_INT, F(clock_offset), 0, INT_MIN, INT_MAX },
	{ "purge-protection", KIND_BOOL, F(purge_protection), 1, 0, 1, true },
	{ "retention-days", KIND_INT, F(retention_days), 90, 7, 90, true },
	{ "disabled-wrap", KIND_BOOL, F(disabled_wrap), 1, 0, 1, true },
	{ "accept-any-token", KIND_BOOL, F(any_token), 0, 0, 1, true },
	{ "token-lifetime", KIND_INT, F(token_lifetime), 3599, 1, 86400, true },
	{ "page-size", KIND_INT, F(page_size), 25, 1, 25, true },
};

static const struct def *def_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(defs); i++) {
		if (!strcmp(defs[i].name, name))
			return &defs[i];
	}
	return NULL;
}

static void set_start(struct switches *sw, const struct def *def)
{
	char *field = (char *)sw + def->offset;

	if (def->kind == KIND_WORD)
		*field = '\0';
	else
		*(int *)field = def->start;
}

void switches_init(struct switches *sw)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(defs); i++)
		set_start(sw, &defs[i]);
}

void switches_reset(struct switches *sw)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(defs); i++) {
		if (!defs[i].setting)
			set_start(sw, &defs[i]);
	}
}

/* Values in the three spellings; *flag tells "on" and "off" from numbers. */
static int parse(const json_t *value, int *number, bool *flag)
{
	const char *text = json_string_value(value);
	long long n;
	char *end;

	*flag = true;
	if (json_is_boolean(value) ||
	    (text && (!strcmp(text, "on") || !strcmp(text, "off")))) {
		*number = text ? !strcmp(text, "on") : json_is_true(value);
		return 0;
	}
	*flag = false;
	errno = 0;
	if (json_is_integer(value)) {
		n = json_integer_value(value);
	} else if (text && *text) {
		n = strtoll(text, &end, 10);
		if (*end)
			return -EINVAL;
	} else {
		return -EINVAL;
	}
	if (errno || n < INT_MIN || n > INT_MAX)
		return -EINVAL;
	*number = n;
	return 0;
}

static int set_word(char *field, const struct def *def, const json_t *value)
{
	char number[32];
	const char *text = json_string_value(value);

	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld",
			 (long long)json_integer_value(value));
		text = number;
	}
	if (json_is_false(value) || (text && !strcmp(text, "off")))
		text = "";
	if (!text || strlen(text) >= (size_t)def->max)
		return -EINVAL;
	strcpy(field, text);
	return 0;
}

static int set_number(int *field, const struct def *def, int n, bool flag)
{
	switch (def->kind) {
	case KIND_BOOL:
		if (n != 0 && n != 1)
			return -EINVAL;
		break;
	case KIND_COUNT:
		if (flag)
			n = n ? SWITCH_FOREVER : 0;
		else if (n < 0)
			return -EINVAL;
		break;
	case KIND_STATUS:
		if (flag)
			n = n ? def->min : 0;
		else if (n && (n < 400 || n > 599))
			return -EINVAL;
		break;
	case KIND_INT:
		if (flag && n)
			return -EINVAL;
		if (flag)
			n = def->start;
		if (n < def->min || n > def->max)
			return -EINVAL;
		break;
	case KIND_WORD:
		return -EINVAL;
	}
	*field = n;
	return 0;
}

int switches_set(struct switches *sw, const char *name, const json_t *value)
{
	const struct def *def = def_find(name);
	char *field;
	bool flag;
	int n;

	if (!def)
		return -ENOENT;
	field = (char *)sw + def->offset;
	if (def->kind == KIND_WORD)
		return set_word(field, def, value);
	if (parse(value, &n, &flag))
		return -EINVAL;
	return set_number((int *)field, def, n, flag);
}

bool switches_is_setting(const char *name)
{
	const struct def *def = def_find(name);

	return def && def->setting;
}

static json_t *value_of(const struct switches *sw, const struct def *def)
{
	const char *field = (const char *)sw + def->offset;
	int n;

	if (def->kind == KIND_WORD)
		return json_string(field);
	memcpy(&n, field, sizeof(n));
	if (def->kind == KIND_BOOL)
		return json_boolean(n);
	if (def->kind == KIND_COUNT && n == SWITCH_FOREVER)
		return json_true();
	return json_integer(n);
}

json_t *switches_to_json(const struct switches *sw, bool settings_only)
{
	json_t *all = json_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(defs); i++) {
		if (defs[i].setting || !settings_only)
			json_object_set_new(all, defs[i].name,
					    value_of(sw, &defs[i]));
	}
	return all;
}

bool switches_take(int *count)
{
	if (*count > 0)
		return (*count)--;
	return *count == SWITCH_FOREVER;
}
