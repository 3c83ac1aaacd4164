/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One step of the policy while it is taken; private to policy.c and
 * policy-answer.c.
 */
#ifndef CMK_POLICY_STEP_H
#define CMK_POLICY_STEP_H

#include "policy.h"

/**
 * struct cmk_pol_step - the arguments of a step and its result so far
 * @st: the state in @res, being changed
 */
struct cmk_pol_step {
	const struct cmk_pol_conf *conf;
	const struct cmk_pol_obs *obs;
	uint64_t now;
	struct cmk_pol_result *res;
	struct cmk_pol_state *st;
};

void cmk_step_act(struct cmk_pol_step *s, enum cmk_pol_action_type type,
		  enum cmk_pol_note note);
void cmk_step_note(struct cmk_pol_step *s, enum cmk_pol_note n);
uint64_t cmk_step_interval(const struct cmk_pol_step *s);
void cmk_step_copy_id(char *dst, const char *src);
bool cmk_step_out_of_time(const struct cmk_pol_step *s);

/* The no of the vault stands: hold or revoke. */
void cmk_step_deny(struct cmk_pol_step *s);
void cmk_step_revoke(struct cmk_pol_step *s);

/* Answers to a probe. */
void cmk_step_denied(struct cmk_pol_step *s, enum cmk_pol_cause cause);
void cmk_step_silent(struct cmk_pol_step *s);
void cmk_step_throttled(struct cmk_pol_step *s);
void cmk_step_usable(struct cmk_pol_step *s);
void cmk_step_permission(struct cmk_pol_step *s);

#endif
