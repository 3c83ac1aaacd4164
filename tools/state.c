// SPDX-License-Identifier: GPL-2.0
/*
 * Owns how the kernel's and the agent's facts about a volume become one.
 */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "span.h"
#include "state.h"
#include "volume.h"

const char *volume_state(const struct cmk_nl_volume *v, const json_t *agent)
{
	switch (v->gate) {
	case CMK_GATE_OPEN:
		break;
	case CMK_GATE_HELD:
		return "held";
	case CMK_GATE_REVOKED:
		return "revoked";
	}
	if (agent && strcmp(json_text(agent, "state"), "grace") == 0)
		return "grace";
	return cmk_nl_keys_missing(v) ? "opening" : "ready";
}

static const char *lapse_name(enum cmk_lapse lapse)
{
	switch (lapse) {
	case CMK_LAPSE_HOLD:
		return "hold";
	case CMK_LAPSE_REVOKE:
		return "revoke";
	}
	return "?";
}

static void set_lease(json_t *object, const struct cmk_nl_volume *v)
{
	uint64_t now = cmk_boottime() / 1000;

	json_object_set_new(object, "no_lease", json_boolean(v->no_lease));
	json_object_set_new(object, "lease_ttl", json_integer(v->lease_ttl));
	if (!v->lease_ttl)
		return;
	json_object_set_new(object, "lease_left_ms",
			    json_integer(v->lease_left_ms));
	json_object_set_new(object, "lapse",
			    json_string(lapse_name(v->lapse)));
	json_object_set_new(object, "not_after_left_ms",
			    json_integer(v->not_after > now ?
					 v->not_after - now : 0));
	json_object_set_new(object, "keep_asleep",
			    json_boolean(v->keep_asleep));
}

static void set_rekey(json_t *object, const struct cmk_nl_volume *v)
{
	const struct cmk_nl_rekeying *k = &v->rekey;
	const char *why;
	json_t *o;

	if (k->state == CMK_REKEY_STATE_NONE)
		return;
	o = json_pack("{s:s, s:I, s:I, s:I}", "state",
		      cmk_rekey_state_name(k->state), "range",
		      (json_int_t)k->range, "done", (json_int_t)k->done * 512,
		      "size", (json_int_t)k->sectors * 512);
	if (k->error) {
		why = cmk_rekey_error_text(k->error);
		json_object_set_new(o, "error", json_string(why));
		json_object_set_new(o, "sector", json_integer(k->sector));
	}
	json_object_set_new(object, "rekey", o);
}

json_t *volume_json(const struct cmk_nl_volume *v, const json_t *agent)
{
	char uuid[VOLUME_TEXT];
	json_t *o;

	cmk_format_uuid(v->uuid, uuid);
	o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "name", v->name,
		      "uuid", uuid, "state", volume_state(v, agent), "cause",
		      cmk_cause_name(v->cause), "sticky", v->sticky, "reason",
		      v->reason);
	json_object_set_new(o, "size", json_integer(v->sectors * 512));
	json_object_set_new(o, "range_size",
			    json_integer(v->range_sectors * 512));
	json_object_set_new(o, "sector_size", json_integer(v->sector_size));
	json_object_set_new(o, "ranges", json_integer(v->ranges));
	json_object_set_new(o, "live", json_integer(v->live));
	json_object_set_new(o, "wanted", json_integer(v->wanted));
	json_object_set_new(o, "parked", json_integer(v->parked));
	json_object_set_new(o, "driver", json_string(v->driver));
	json_object_set_new(o, "key_bytes", json_integer(v->key_bytes));
	json_object_set_new(o, "inline", json_integer(v->nr_inline));
	json_object_set_new(o, "queued", json_integer(v->nr_queued));
	json_object_set_new(o, "deferred", json_integer(v->nr_deferred));
	json_object_set_new(o, "major", json_integer(v->major));
	json_object_set_new(o, "minor", json_integer(v->minor));
	set_lease(o, v);
	set_rekey(o, v);
	if (agent)
		json_object_update_missing(o, (json_t *)agent);
	return o;
}
