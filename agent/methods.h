/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The methods of the control socket; their parameters and results are in
 * Documentation/control-protocol.rst.
 */
#ifndef CMK_METHODS_H
#define CMK_METHODS_H

#include <stdbool.h>

#include "agent.h"
#include "control.h"

/* Their userdata is a struct cmk_agent. */
extern const struct cmk_method cmk_methods[];

void cmk_method_format(struct cmk_request *req, void *userdata);
void cmk_method_rewrap(struct cmk_request *req, void *userdata);
void cmk_method_set_kek(struct cmk_request *req, void *userdata);
void cmk_method_rekey(struct cmk_request *req, void *userdata);
void cmk_method_rekey_attach(struct cmk_request *req, void *userdata);
void cmk_method_rekey_pause(struct cmk_request *req, void *userdata);
void cmk_method_rekey_resume(struct cmk_request *req, void *userdata);
void cmk_method_erase(struct cmk_request *req, void *userdata);
void cmk_method_header_repair(struct cmk_request *req, void *userdata);
void cmk_method_header_restore(struct cmk_request *req, void *userdata);

/*
 * Parameters.  An absent text is "", an absent number 0, an absent truth
 * value false; the wrong kind, a text that does not fit and a missing one
 * that is @required are errors that name it.
 */
int cmk_param_text(const struct cmk_request *req, const char *key, char *ret,
		   unsigned int size, bool required, struct cmk_error *e);
int cmk_param_number(const struct cmk_request *req, const char *key,
		     uint64_t *ret, struct cmk_error *e);
int cmk_param_flag(const struct cmk_request *req, const char *key, bool *ret,
		   struct cmk_error *e);
int cmk_param_uuid(const struct cmk_request *req, unsigned char ret[16],
		   struct cmk_error *e);
/* @known ends with NULL: no other parameter may be there. */
int cmk_param_check(const struct cmk_request *req, const char *const *known,
		    struct cmk_error *e);

#endif
