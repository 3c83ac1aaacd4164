// SPDX-License-Identifier: GPL-2.0
/*
 * The methods that are about a volume which is mapped: Open, Close, Restore,
 * Probe, and Status of all.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "config.h"
#include "link.h"
#include "methods.h"
#include "rekey.h"
#include "rewrap.h"
#include "span.h"
#include "volume.h"

static int only_uuid(const struct cmk_request *req, unsigned char uuid[16],
		     struct cmk_error *e)
{
	static const char * const known[] = { "uuid", NULL };

	return cmk_param_check(req, known, e) ?: cmk_param_uuid(req, uuid, e);
}

static struct cmk_volume *find(struct cmk_request *req, struct cmk_agent *a,
			       struct cmk_error *e)
{
	struct cmk_volume *v;
	unsigned char uuid[16];

	if (only_uuid(req, uuid, e))
		return NULL;
	v = cmk_volume_find(a, uuid);
	if (!v)
		cmk_error_set(e, CMK_UNSUITABLE, -ENODEV, "no-volume",
			      "the agent does not know such a volume");
	return v;
}

static void on_done(const struct cmk_error *e, uint32_t live, uint32_t ranges,
		    void *userdata)
{
	struct cmk_request *req = userdata;

	if (e)
		cmk_request_fail(req, e);
	else
		cmk_request_result(req, json_pack("{s:I, s:I}", "live",
						  (json_int_t)live, "ranges",
						  (json_int_t)ranges));
}

/* cmktab's options, with '_' for '-' as in all of the protocol. */
static int open_options(struct cmk_request *req, struct cmk_state *st,
			struct cmk_error *e)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < CMK_STATE_OPTIONS && !r; i++) {
		char key[32], *p;

		snprintf(key, sizeof(key), "%s", cmk_state_options[i]);
		for (p = key; *p; p++)
			if (*p == '-')
				*p = '_';
		r = cmk_param_text(req, key, st->options[i],
				   CMK_STATE_OPTION_LEN, false, e);
	}
	return r;
}

static int open_params(struct cmk_request *req, struct cmk_state *st,
		       bool *accept, struct cmk_error *e)
{
	static const char * const known[] = {
		"name", "uuid", "device", "header", "kek", "read_only",
		"allow_discards", "on_demand", "accept_header", "on_denied",
		"deny_hold", "offline_grace", "lease_ttl", NULL,
	};
	bool on_demand = false;
	int r;

	r = cmk_param_check(req, known, e) ?:
	    cmk_param_uuid(req, st->uuid, e) ?:
	    cmk_param_text(req, "name", st->name, sizeof(st->name), true, e) ?:
	    cmk_param_text(req, "device", st->device, sizeof(st->device), true,
			   e) ?:
	    cmk_param_text(req, "header", st->header, sizeof(st->header),
			   false, e) ?:
	    cmk_param_text(req, "kek", st->kek, sizeof(st->kek), true, e) ?:
	    cmk_param_flag(req, "accept_header", accept, e) ?:
	    cmk_param_flag(req, "on_demand", &on_demand, e) ?:
	    open_options(req, st, e);
	if (!r && on_demand)
		r = cmk_error_set(e, CMK_USAGE, -EOPNOTSUPP, "on-demand",
				  "prefetch=on-demand is not supported yet");
	return r;
}

static void method_open(struct cmk_request *req, void *userdata)
{
	struct cmk_state st = { .has_hk = false };
	struct cmk_agent *a = userdata;
	struct cmk_error e;
	bool accept;
	int r;

	r = open_params(req, &st, &accept, &e);
	if (!r)
		r = cmk_volume_open(a, &st, accept, on_done, req, &e);
	if (!r)
		return;
	cmk_audit_write(a->audit, &(struct cmk_audit_entry){
				.event = CMK_AUDIT_OPEN,
				.result = CMK_AUDIT_REFUSED,
				.uuid = st.uuid, .name = st.name,
				.device = st.device, .uid = req->uid,
				.pid = req->pid },
			"%s: not opened: %s", st.name, e.text);
	cmk_request_fail(req, &e);
}

static void method_close(struct cmk_request *req, void *userdata)
{
	struct cmk_agent *a = userdata;
	struct cmk_error e;
	unsigned char uuid[16];
	struct cmk_volume *v;

	if (only_uuid(req, uuid, &e)) {
		cmk_request_fail(req, &e);
		return;
	}
	/* The mapped device is gone, and so is the volume, heard or not. */
	cmk_volumes_look(a, uuid);
	v = cmk_volume_find(a, uuid);
	if (v && v->kernel.live == 0)
		cmk_volume_forget(v);
	cmk_request_result(req, json_object());
}

static void method_restore(struct cmk_request *req, void *userdata)
{
	struct cmk_agent *a = userdata;
	struct cmk_error e;
	struct cmk_volume *v = find(req, a, &e);

	if (!v || cmk_volume_restore(v, on_done, req, &e))
		cmk_request_fail(req, &e);
}

static void on_probed(struct cmk_volume *v, const struct cmk_kek_result *res,
		      void *userdata)
{
	struct cmk_request *req = userdata;
	struct cmk_nl_lease lease;
	enum cmk_answer answer;
	struct cmk_error e;
	json_t *j;

	if (!res) {
		cmk_error_set(&e, CMK_UNSUITABLE, -ENODEV, "no-volume",
			      "the volume was closed");
		cmk_request_fail(req, &e);
		return;
	}
	lease = cmk_volume_terms(v);
	answer = res->answer;
	if (answer == CMK_USABLE && cmk_volume_expired(v))
		answer = CMK_DENIED_EXPIRED;
	j = json_pack("{s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:s, s:b, s:s, s:s}",
		      "answer", cmk_answer_name(answer),
		      "kid", v->st.kid, "http", res->http, "code", res->code,
		      "latency_us", (json_int_t)res->latency_us,
		      "lease_ttl", (json_int_t)lease.ttl,
		      "not_after", (json_int_t)lease.not_after,
		      "lapse", lease.lapse == CMK_LAPSE_REVOKE ?
		      "revoke" : "hold", "keep_asleep", lease.keep_asleep,
		      "client_request_id", res->client_request_id,
		      "message", answer == CMK_DENIED_EXPIRED ?
		      "the key has expired or is not active yet; see its dates in the vault" :
		      answer == CMK_USABLE ? "" : res->error.text);
	cmk_request_result(req, j);
}

static void method_probe(struct cmk_request *req, void *userdata)
{
	struct cmk_agent *a = userdata;
	struct cmk_error e;
	struct cmk_volume *v = find(req, a, &e);

	if (!v || cmk_volume_probe(v, on_probed, req, &e))
		cmk_request_fail(req, &e);
}

/* Boot time to Unix seconds; 0 stays 0. */
static json_int_t unix_of(uint64_t at)
{
	struct timespec ts;
	int64_t diff;

	if (!at || at == UINT64_MAX)
		return 0;
	clock_gettime(CLOCK_REALTIME, &ts);
	diff = ((int64_t)at - (int64_t)cmk_boottime()) / 1000000;
	return ts.tv_sec + diff;
}

static json_int_t left_s(uint64_t until)
{
	uint64_t now = cmk_boottime();

	return until > now ? (until - now) / 1000000 : 0;
}

static void status_policy(const struct cmk_volume *v, json_t *j)
{
	const struct cmk_pol_state *p = &v->pol;

	json_object_set_new(j, "last_proof", json_integer(
				    unix_of(p->proof_at)));
	json_object_set_new(j, "next_probe", json_integer(
				    unix_of(p->probe_at)));
	json_object_set_new(j, "grace_left_s", json_integer(
				    left_s(cmk_pol_grace_end(&v->conf, p))));
	if (p->deny_until)
		json_object_set_new(j, "revoke_in_s", json_integer(
					    left_s(p->deny_until)));
	if (p->exp)
		json_object_set_new(j, "expires", json_integer(p->exp));
	if (p->stretch > 1)
		json_object_set_new(j, "throttled_factor",
				    json_integer(p->stretch));
	if (p->waits)
		json_object_set_new(j, "waits_for_restore", json_true());
}

static void status_answer(const struct cmk_volume *v, json_t *j)
{
	const struct cmk_kek_result *r = &v->last;

	if (!v->last_at)
		return;
	json_object_set_new(j, "last_answer",
			    json_string(cmk_answer_name(r->answer)));
	json_object_set_new(j, "last_answer_at",
			    json_integer(unix_of(v->last_at)));
	if (r->http)
		json_object_set_new(j, "last_http", json_integer(r->http));
	if (r->code[0])
		json_object_set_new(j, "last_code", json_string(r->code));
	if (r->client_request_id[0])
		json_object_set_new(j, "last_client_request_id",
				    json_string(r->client_request_id));
	if (r->answer != CMK_USABLE && r->error.text[0])
		json_object_set_new(j, "last_error",
				    json_string(r->error.text));
}

/* What the last rewrap has left behind, and how far the next one is. */
static void status_wrap(const struct cmk_volume *v, json_t *j)
{
	uint32_t done, total, exposed = 0;

	if (v->header)
		exposed = cmk_header_exposed(v->header);
	if (exposed)
		json_object_set_new(j, "exposed", json_integer(exposed));
	if (v->st.former[0]) {
		json_object_set_new(j, "former_kid",
				    json_string(v->st.former));
		json_object_set_new(j, "former_until",
				    json_integer(v->st.former_at));
	}
	if (cmk_rewrap_progress(v->agent, v->st.uuid, &done, &total))
		json_object_set_new(j, "rewrap", json_pack("{s:I, s:I}",
							   "done",
							   (json_int_t)done,
							   "total",
							   (json_int_t)total));
}

static void status_rekey(const struct cmk_volume *v, json_t *j)
{
	struct cmk_rekey_view view;

	if (!cmk_rekey_look_at(v->agent, v->st.uuid, &view))
		return;
	json_object_set_new(j, "rekey_order", json_pack(
		"{s:I, s:I, s:I, s:I, s:b, s:s}", "first",
		(json_int_t)view.first, "last", (json_int_t)view.last, "done",
		(json_int_t)view.done, "total", (json_int_t)view.total,
		"paused", view.paused, "stopped", view.why));
}

static json_t *status_of(const struct cmk_volume *v)
{
	char uuid[37];
	json_t *j;

	cmk_format_uuid(v->st.uuid, uuid);
	j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "uuid", uuid,
		      "name", v->st.name, "data_device", v->st.device,
		      "kek", v->st.kek, "kid", v->st.kid,
		      "state", cmk_volume_state_name(v),
		      "cause", cmk_volume_cause_name(v));
	if (v->blind.err)
		json_object_set_new(j, "not_watched",
				    json_string(v->blind.text));
	if (v->life == CMK_VOLUME_WATCHED)
		status_policy(v, j);
	status_wrap(v, j);
	status_rekey(v, j);
	status_answer(v, j);
	return j;
}

static void method_status(struct cmk_request *req, void *userdata)
{
	static const char * const none[] = { NULL };
	struct cmk_agent *a = userdata;
	const char *trouble = cmk_link_trouble(a->link);
	const struct cmk_volume *v;
	json_t *list, *result;
	struct cmk_error e;

	if (cmk_param_check(req, none, &e)) {
		cmk_request_fail(req, &e);
		return;
	}
	list = json_array();
	for (v = a->volumes; v; v = v->next)
		json_array_append_new(list, status_of(v));
	result = json_pack("{s:s, s:b, s:s, s:I, s:o}", "version", CMK_VERSION,
			   "bound", !*trouble, "kernel", trouble,
			   "audit_lost", (json_int_t)cmk_audit_lost(a->audit),
			   "volumes", list);
	cmk_request_result(req, result);
}

const struct cmk_method cmk_methods[] = {
	{ "Format", cmk_method_format },
	{ "Open", method_open },
	{ "Close", method_close },
	{ "Restore", method_restore },
	{ "Probe", method_probe },
	{ "Rewrap", cmk_method_rewrap },
	{ "SetKek", cmk_method_set_kek },
	{ "Rekey", cmk_method_rekey },
	{ "RekeyAttach", cmk_method_rekey_attach },
	{ "RekeyPause", cmk_method_rekey_pause },
	{ "RekeyResume", cmk_method_rekey_resume },
	{ "HeaderRepair", cmk_method_header_repair },
	{ "HeaderRestore", cmk_method_header_restore },
	{ "Erase", cmk_method_erase },
	{ "Status", method_status },
	{ NULL, NULL },
};
