// SPDX-License-Identifier: GPL-2.0
/*
 * The keys of cmkd.conf(5), their defaults and the rules between them.  The
 * syntax is read in config-file.c.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-file.h"
#include "config.h"
#include "span.h"

#define MSEC	1000ULL
#define SEC	1000000ULL
#define MIN	(60 * SEC)
#define HOUR	(60 * MIN)
#define DAY	(24 * HOUR)

enum key_type {
	KEY_SPAN,
	KEY_PERCENT,
	KEY_UINT,
	KEY_STRING,
	KEY_WORDS,		/* index of the word, into an int or a bool */
	KEY_LATER,		/* a key that this release does not know yet */
};

struct key {
	const char *section, *name;
	enum key_type type;
	size_t offset;
	uint64_t min, max;
	const char *words[3];
};

#define AT(member)	offsetof(struct cmk_config, member)
#define LATER(section, name)	{ section, name, KEY_LATER }

static const struct key keys[] = {
	{ "Policy", "CheckInterval", KEY_SPAN, AT(policy.check_interval),
	  5 * SEC, HOUR },
	{ "Policy", "CheckJitter", KEY_PERCENT, AT(policy.jitter), 0, 50 },
	{ "Policy", "GetInterval", KEY_SPAN, AT(policy.get_interval),
	  5 * SEC, DAY },
	{ "Policy", "ConfirmCount", KEY_UINT, AT(policy.confirm_count), 1, 20 },
	{ "Policy", "ConfirmSpacing", KEY_SPAN, AT(policy.confirm_spacing),
	  500 * MSEC, MIN },
	{ "Policy", "SettleTime", KEY_SPAN, AT(policy.settle_time), 0, DAY },
	{ "Policy", "OnDenied", KEY_WORDS, AT(policy.on_denied),
	  .words = { "hold", "revoke" } },
	{ "Policy", "DenyHold", KEY_SPAN, AT(policy.deny_hold), 0, DAY },
	{ "Policy", "OnLapse", KEY_WORDS, AT(lapse_revokes), 1,
	  .words = { "hold", "revoke" } },
	{ "Policy", "OnSleep", KEY_WORDS, AT(sleep_keeps), 1,
	  .words = { "drop", "keep" } },
	{ "Policy", "OnNetworkDenied", KEY_WORDS,
	  AT(policy.network_denied_counts), 1,
	  .words = { "outage", "denied" } },
	{ "Policy", "OnUnauthenticated", KEY_WORDS,
	  AT(policy.unauthenticated_counts), 1,
	  .words = { "outage", "denied" } },
	{ "Policy", "OfflineGrace", KEY_SPAN, AT(policy.offline_grace),
	  25 * SEC, 30 * DAY },
	{ "Policy", "LeaseTTL", KEY_SPAN, AT(policy.lease_ttl),
	  15 * SEC, DAY },
	{ "Policy", "RotateInterval", KEY_SPAN, AT(rotate_interval), 0,
	  30 * DAY },
	{ "Policy", "HoldTimeout", KEY_SPAN, AT(hold_timeout), 0, DAY },
	{ "Policy", "KeyTimeout", KEY_SPAN, AT(key_timeout), 0, HOUR },
	{ "Policy", "OnReturn", KEY_WORDS, AT(policy.return_auto), 1,
	  .words = { "manual", "auto" } },
	{ "Policy", "Expiry", KEY_WORDS, AT(policy.expiry_denies), 1,
	  .words = { "warn", "deny" } },
	LATER("Policy", "ExpiryWarning"),
	{ "Azure", "Auth", KEY_STRING, AT(kek.auth),
	  .words = { "managed-identity", "client-secret" } },
	{ "Azure", "TenantId", KEY_STRING, AT(kek.tenant_id) },
	{ "Azure", "ClientId", KEY_STRING, AT(kek.client_id) },
	{ "Azure", "ClientSecret", KEY_STRING, AT(kek.client_secret) },
	{ "Azure", "AuthorityHost", KEY_STRING, AT(kek.authority_host) },
	{ "Azure", "ImdsEndpoint", KEY_STRING, AT(kek.imds_endpoint) },
	{ "Azure", "ApiVersion", KEY_STRING, AT(kek.api_version) },
	{ "Azure", "CaFile", KEY_STRING, AT(kek.ca_file) },
	{ "Azure", "Proxy", KEY_STRING, AT(kek.proxy) },
	{ "Azure", "ConnectTimeout", KEY_SPAN, AT(kek.connect_timeout),
	  500 * MSEC, MIN },
	{ "Azure", "RequestTimeout", KEY_SPAN, AT(kek.request_timeout),
	  500 * MSEC, MIN },
	{ "Azure", "MaxConcurrent", KEY_UINT, AT(kek.max_concurrent), 1, 64 },
	LATER("Azure", "ExpectedObjectId"),
	LATER("Azure", "ClientCertificate"),
	LATER("Azure", "Cloud"),
	LATER("Azure", "AllowKek"),
	LATER("Azure", "RatePerVault"),
	{ "Service", "Kek", KEY_STRING, AT(kek.service_kek) },
	LATER("Access", "StatusGroup"),
	LATER("Access", "OperatorGroup"),
	{ "Access", "SecurityGroup", KEY_STRING, AT(security_group) },
	{ "Agent", "StateDirectory", KEY_STRING, AT(state_directory) },
	{ "Agent", "HeaderBackups", KEY_UINT, AT(header_backups), 1, 100 },
	LATER("Agent", "MetricsTextfile"),
};

static const struct cmk_config defaults = {
	.policy = {
		.check_interval = MIN,
		.get_interval = 10 * MIN,
		.jitter = 20,
		.confirm_count = 3,
		.confirm_spacing = 5 * SEC,
		.settle_time = 5 * MIN,
		.on_denied = CMK_POL_HOLD_FIRST,
		.deny_hold = 5 * MIN,
		.offline_grace = 4 * HOUR,
		.lease_ttl = 5 * MIN,
		.return_auto = true,
		.expiry_denies = true,
	},
	.rotate_interval = 10 * MIN,
	.hold_timeout = 10 * MIN,
	.key_timeout = 30 * SEC,
	.kek = {
		.auth = "managed-identity",
		.tenant_id = "",
		.client_id = "",
		.client_secret = "credential:azure-client-secret",
		.authority_host = "",
		.imds_endpoint = "",
		.api_version = "7.4",
		.ca_file = "",
		.proxy = "",
		.connect_timeout = 3 * SEC,
		.request_timeout = 5 * SEC,
		.max_concurrent = 8,
		.service_kek = "file:/var/lib/cmk/service.kek",
		.create_service_kek = true,
	},
	.security_group = CMK_SECURITY_GROUP,
	.state_directory = CMK_STATE_DIRECTORY,
	.header_backups = 3,
};

static int word_index(const struct key *k, const char *value)
{
	int i;

	for (i = 0; i < 3 && k->words[i]; i++)
		if (!strcmp(k->words[i], value))
			return i;
	return -EINVAL;
}

static int set_string(struct cmk_config *c, const struct key *k,
		      const char *value)
{
	char **strings, *copy;

	if (k->words[0] && word_index(k, value) < 0)
		return -EINVAL;
	strings = realloc(c->strings, (c->n_strings + 1) * sizeof(char *));
	if (!strings)
		return -ENOMEM;
	c->strings = strings;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	strings[c->n_strings++] = copy;
	*(const char **)((char *)c + k->offset) = copy;
	return 0;
}

static int set_number(struct cmk_config *c, const struct key *k,
		      const char *value)
{
	void *p = (char *)c + k->offset;
	unsigned int n = 0;
	uint64_t us = 0;
	int r;

	if (k->type == KEY_SPAN) {
		r = cmk_parse_span(value, &us);
		if (!r && (us < k->min || us > k->max))
			r = -ERANGE;
		if (!r)
			*(uint64_t *)p = us;
		return r;
	}
	if (k->type == KEY_PERCENT)
		r = cmk_parse_percent(value, &n);
	else
		r = cmk_parse_uint(value, &n);
	if (!r && (n < k->min || n > k->max))
		r = -ERANGE;
	if (!r)
		*(unsigned int *)p = n;
	return r;
}

static int set_value(struct cmk_config *c, const struct key *k,
		     const char *value)
{
	void *p = (char *)c + k->offset;
	int i;

	switch (k->type) {
	case KEY_SPAN:
	case KEY_PERCENT:
	case KEY_UINT:
		return set_number(c, k, value);
	case KEY_STRING:
		return set_string(c, k, value);
	case KEY_WORDS:
		i = word_index(k, value);
		if (i < 0)
			return i;
		if (k->min)
			*(bool *)p = i;
		else
			*(enum cmk_pol_reaction *)p = i;
		return 0;
	case KEY_LATER:
		break;
	}
	return -EOPNOTSUPP;
}

static const struct key *find_key(const char *section, const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].section, section) &&
		    !strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static int range_text(const struct key *k, char *buf, size_t size)
{
	char a[64], b[64];

	if (k->type != KEY_SPAN)
		return snprintf(buf, size, "%llu to %llu",
				(unsigned long long)k->min,
				(unsigned long long)k->max);
	return snprintf(buf, size, "%s to %s",
			cmk_format_span(k->min, a, sizeof(a)),
			cmk_format_span(k->max, b, sizeof(b)));
}

static int refuse(struct cmk_error *e, const struct cmk_config_line *l,
		  const struct key *k, int r)
{
	char range[160] = "";

	if (r == -EOPNOTSUPP)
		return cmk_error_set(e, CMK_USAGE, r, "config",
				     "%s:%u: [%s] %s= is not supported yet",
				     l->file, l->line, l->section, l->key);
	if (k->words[0])
		snprintf(range, sizeof(range), "%s or %s", k->words[0],
			 k->words[1]);
	else
		range_text(k, range, sizeof(range));
	return cmk_error_set(e, CMK_USAGE, r, "config",
			     "%s:%u: [%s] %s=%.64s: give %s", l->file, l->line,
			     l->section, l->key, l->value, range);
}

static int take_line(const struct cmk_config_line *l, void *userdata,
		     struct cmk_error *e)
{
	struct cmk_config *c = userdata;
	const struct key *k = find_key(l->section, l->key);
	int r;

	if (!k)
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "config",
				     "%s:%u: unknown key '%s' in section [%s]",
				     l->file, l->line, l->key, l->section);
	r = set_value(c, k, l->value);
	return r ? refuse(e, l, k, r) : 0;
}

int cmk_config_check_policy(const struct cmk_pol_conf *conf,
			    struct cmk_error *e)
{
	uint64_t least = 2 * conf->check_interval + conf->lease_ttl;
	char buf[64];

	if (conf->offline_grace < least)
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "config",
			"OfflineGrace= is too short: at least 2 x CheckInterval + LeaseTTL = %s, or every hiccup holds the volume",
			cmk_format_span(least, buf, sizeof(buf)));
	return 0;
}

static bool hung_task_panics(void)
{
	FILE *f = fopen("/proc/sys/kernel/hung_task_panic", "re");
	bool on;

	if (!f)
		return false;
	on = fgetc(f) == '1';
	fclose(f);
	return on;
}

static int check(const struct cmk_config *c, struct cmk_error *e)
{
	if (!c->hold_timeout && hung_task_panics())
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "config",
			"HoldTimeout=0 with kernel.hung_task_panic=1 would end in a panic");
	if (c->state_directory[0] != '/')
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "config",
			"[Agent] StateDirectory= must be an absolute path");
	return cmk_config_check_policy(&c->policy, e);
}

int cmk_config_load(struct cmk_config **ret, const char *file,
		    struct cmk_error *e)
{
	struct cmk_config *c = malloc(sizeof(*c));
	int r;

	if (!c)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "memory",
				     "out of memory");
	*c = defaults;
	r = cmk_config_read(file ?: CMK_CONFIG_FILE, !file, take_line, c, e);
	if (!r)
		r = check(c, e);
	if (r) {
		cmk_config_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void cmk_config_free(struct cmk_config *c)
{
	unsigned int i;

	if (!c)
		return;
	for (i = 0; i < c->n_strings; i++)
		free(c->strings[i]);
	free(c->strings);
	free(c);
}

bool cmk_config_same_kek(const struct cmk_config *a,
			 const struct cmk_config *b)
{
	unsigned int i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct key *k = &keys[i];
		const char *x = (const char *)a + k->offset;
		const char *y = (const char *)b + k->offset;

		if (strcmp(k->section, "Azure") && strcmp(k->section, "Service"))
			continue;
		if (k->type == KEY_STRING &&
		    strcmp(*(char * const *)x, *(char * const *)y))
			return false;
		if (k->type == KEY_SPAN && memcmp(x, y, sizeof(uint64_t)))
			return false;
		if (k->type == KEY_UINT && memcmp(x, y, sizeof(unsigned int)))
			return false;
	}
	return true;
}

int cmk_config_volume_option(struct cmk_pol_conf *conf, const char *key,
			     const char *value)
{
	static const struct {
		const char *option, *key;
	} names[] = {
		{ "on-denied", "OnDenied" },
		{ "deny-hold", "DenyHold" },
		{ "offline-grace", "OfflineGrace" },
		{ "lease-ttl", "LeaseTTL" },
	};
	struct cmk_config c = { .policy = *conf };
	unsigned int i;
	int r;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].option, key))
			continue;
		r = set_value(&c, find_key("Policy", names[i].key), value);
		if (!r)
			*conf = c.policy;
		return r;
	}
	return -ENOENT;
}
