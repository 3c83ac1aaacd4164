/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cmkd.conf(5): systemd syntax, strict.  An unknown section or key, a value
 * out of range and a combination that would lose a volume by a hiccup are
 * errors, found by `cmkd --check-config` before the agent takes them.
 * Whether [Azure] and [Service] can be worked with is for cmk_kek_check().
 */
#ifndef CMK_CONFIG_H
#define CMK_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "kek.h"
#include "policy.h"

#define CMK_CONFIG_FILE	"/etc/cmk/cmkd.conf"

/* Defaults that hold where there is no agent, too */
#define CMK_SECURITY_GROUP	"cmk-security"
#define CMK_STATE_DIRECTORY	"/var/lib/cmk"

/**
 * struct cmk_config - the settings, all set to their defaults or the file's
 * @policy: of a volume without options of its own
 * @lapse_revokes: OnLapse=revoke
 * @sleep_keeps: OnSleep=keep
 * @rotate_interval: how often a KEK that is named without a version is looked
 *	at for a newer one, microseconds; 0: never
 * @hold_timeout, @key_timeout: for the table that cmkctl(8) loads, in
 *	microseconds; 0 is for ever
 * @kek: sections [Azure] and [Service]; its strings are the config's
 * @security_group: its members may revoke and hold; needs not exist
 * @state_directory: without a slash at the end
 */
struct cmk_config {
	struct cmk_pol_conf policy;
	bool lapse_revokes;
	bool sleep_keeps;
	uint64_t rotate_interval;
	uint64_t hold_timeout, key_timeout;
	struct cmk_kek_settings kek;
	char *security_group;
	char *state_directory;
	unsigned int header_backups;
	char **strings;
	unsigned int n_strings;
};

/**
 * cmk_config_load() - read @file, then each *.conf in @file.d in order of name
 * @file: NULL for CMK_CONFIG_FILE, which need not exist
 *
 * Return: 0, or negative errno with @e naming file, line and key.
 */
int cmk_config_load(struct cmk_config **ret, const char *file,
		    struct cmk_error *e);

void cmk_config_free(struct cmk_config *c);

/* Do both reach the same keys in the same way? */
bool cmk_config_same_kek(const struct cmk_config *a,
			 const struct cmk_config *b);

/**
 * cmk_config_volume_option() - one of the policy keys of cmktab(5)
 * @key: "on-denied", "deny-hold", "offline-grace" or "lease-ttl"
 * @conf: changed
 *
 * Return: 0, -ENOENT for another key, -EINVAL or -ERANGE for its value.
 */
int cmk_config_volume_option(struct cmk_pol_conf *conf, const char *key,
			     const char *value);

/* Do the values of one volume fit together? */
int cmk_config_check_policy(const struct cmk_pol_conf *conf,
			    struct cmk_error *e);

#endif
