/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test may turn at run time.  Two kinds: faults, which a restart or a
 * reset turns off, and settings of the vault, which stay.
 */
#ifndef KVEMU_SWITCHES_H
#define KVEMU_SWITCHES_H

#include <jansson.h>
#include <stdbool.h>

#define SWITCH_FOREVER (-1)

/**
 * struct switches - state of all switches; 0 is "off" where nothing is said
 * @throttle: answer 429 to the next N requests, SWITCH_FOREVER: until off
 * @retry_after: seconds in the Retry-After header of a 429, -1: no header
 * @outage: answer this status (500, 503 ...)
 * @html: answer this status with a page of HTML
 * @slow: wait this many milliseconds before each answer
 * @quick: but not before the next N
 * @drop: close the connection instead of answering, next N or SWITCH_FOREVER
 * @refuse: listen for no connection, for N seconds or SWITCH_FOREVER
 * @firewall: refuse with ForbiddenByFirewall
 * @no_public: refuse with ForbiddenByConnection
 * @truncate: cut the JSON of the next N answers in half
 * @claims: answer the next N requests with a continuous-access challenge
 * @bad_padding: unwrapKey and decrypt answer as if the blob were corrupt
 * @wrong_plaintext: unwrapKey and decrypt answer with other bytes
 * @consistency_delay: milliseconds that a delete or recover takes to show
 * @consistency_flap: while it does, every second request sees the old state
 * @fault_op: the faults above touch this operation alone; empty: all
 * @token_error: the token endpoints answer this (an OAuth error or a status)
 * @token_slow: milliseconds before a token answer
 * @imds_identity: identity that IMDS takes for the machine's own
 * @clock_offset: seconds that the vault's clock is ahead
 * @purge_protection: setting: the vault forbids purge
 * @retention_days: setting: 7 to 90
 * @disabled_wrap: setting: wrapKey works on a disabled key, as reported
 * @any_token: setting: take every bearer token for the administrator's
 * @token_lifetime: setting: seconds
 * @page_size: setting: items of a list answer
 */
struct switches {
	int throttle;
	int retry_after;
	int outage;
	int html;
	int slow;
	int quick;
	int drop;
	int refuse;
	int firewall;
	int no_public;
	int truncate;
	int claims;
	int bad_padding;
	int wrong_plaintext;
	int consistency_delay;
	int consistency_flap;
	char fault_op[32];
	char token_error[32];
	int token_slow;
	char imds_identity[64];
	int clock_offset;
	int purge_protection;
	int retention_days;
	int disabled_wrap;
	int any_token;
	int token_lifetime;
	int page_size;
};

/** switches_init() - everything as it is in a new vault */
void switches_init(struct switches *sw);

/** switches_reset() - faults off, settings kept */
void switches_reset(struct switches *sw);

/**
 * switches_set() - set one switch
 * @sw: the switches
 * @name: name on the command line, e.g. "retry-after"
 * @value: bool, integer or string; strings may spell "on", "off", a number
 *
 * Return: 0, -ENOENT for an unknown name, -EINVAL for a value out of range.
 */
int switches_set(struct switches *sw, const char *name, const json_t *value);

/** switches_is_setting() - does this one survive a restart? */
bool switches_is_setting(const char *name);

/**
 * switches_to_json() - names and values
 * @sw: the switches
 * @settings_only: leave out the faults, as the store does
 */
json_t *switches_to_json(const struct switches *sw, bool settings_only);

/** switches_take() - use up one of a counted fault; true if it strikes */
bool switches_take(int *count);

#endif
