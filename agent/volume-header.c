// SPDX-License-Identifier: GPL-2.0
/*
 * The header of a volume in the agent: read, held against what the node knows,
 * made whole, and exchanged for its successor while the volume is live.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#include "audit.h"
#include "config.h"
#include "volume-internal.h"

/* The node says which KEK opens the volume; the header only has its wrap. */
int cmk_volume_choose_wrap(const struct cmk_header *h, const char *pin,
			   unsigned int *ret, struct cmk_header_kek *kek,
			   struct cmk_error *e)
{
	bool any = !strcmp(pin, "-");
	char seen[CMK_KID_MAX + 1] = "none";
	unsigned int i;

	for (i = 0; i < CMK_FORMAT_KIDS; i++) {
		if (!cmk_header_get_kek(h, i, kek))
			continue;
		if (any || cmk_kek_match(pin, kek->kid)) {
			*ret = i;
			return 0;
		}
		snprintf(seen, sizeof(seen), "%s", kek->kid);
	}
	return cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED,
			     "kek-not-allowed",
			     "the header is wrapped by %.160s, this node allows %.160s",
			     seen, pin);
}

int cmk_volume_known_wrap(const struct cmk_header *h,
			  const struct cmk_state *st, unsigned int *ret,
			  struct cmk_header_kek *kek, struct cmk_error *e)
{
	if (st->leaving[0] &&
	    !cmk_volume_choose_wrap(h, st->leaving, ret, kek, e))
		return 0;
	return cmk_volume_choose_wrap(h, st->kek, ret, kek, e);
}

static int check_known(struct cmk_volume *v, struct cmk_error *e)
{
	if (memcmp(v->info.uuid, v->st.uuid, 16))
		return cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED, "uuid",
				     "the header on the device is another volume's");
	if (v->st.has_hk && !v->accept_header && v->info.seq < v->st.seq)
		return cmk_error_set(e, CMK_UNSUITABLE, -ESTALE,
				     "header-rolled-back",
				     "the header is older (sequence %" PRIu64 ") than the one that this node knows (%" PRIu64 "); if that is meant, use --accept-header",
				     v->info.seq, v->st.seq);
	return 0;
}

int cmk_volume_use_header(struct cmk_volume *v, struct cmk_header *h,
			  struct cmk_error *e)
{
	struct cmk_header_kek kek;
	int r;

	cmk_header_free(v->header);
	v->header = h;
	cmk_header_get_info(h, &v->info);
	r = check_known(v, e);
	if (!r)
		r = cmk_volume_known_wrap(h, &v->st, &v->kek, &kek, e);
	if (r)
		return r;
	snprintf(v->st.kid, sizeof(v->st.kid), "%s", kek.kid);
	/* The change is done, but for its end here. */
	if (strcasecmp(v->st.leaving, kek.kid))
		v->st.leaving[0] = 0;
	return 0;
}

const char *cmk_volume_header_path(const struct cmk_volume *v)
{
	return v->st.header[0] ? v->st.header : v->st.device;
}

int cmk_volume_load_header(struct cmk_volume *v, struct cmk_error *e)
{
	struct cmk_header *h = NULL;
	int fd, r;

	r = cmk_header_open(&fd, cmk_volume_header_path(v), false, e);
	if (r)
		return r;
	r = cmk_header_read(&h, fd, e);
	close(fd);
	return r ?: cmk_volume_use_header(v, h, e);
}

/* A header that was read from one copy is made whole again. */
void cmk_volume_repair(struct cmk_volume *v)
{
	struct cmk_error e;
	int fd, r;

	if (v->info.read_only || v->info.foreign_copies ||
	    (v->info.valid_copies == 3 && !v->info.copies_differ))
		return;
	r = cmk_header_open(&fd, cmk_volume_header_path(v), true, &e);
	if (!r) {
		r = cmk_header_repair(v->header, fd, &e);
		close(fd);
	}
	cmk_audit_log(v->agent->audit, LOG_WARNING,
		      "%s: copy %s of the header was not as the other: %s",
		      v->st.name,
		      cmk_header_copies_name(3 & ~v->info.valid_copies),
		      r ? e.text : "repaired");
}

void cmk_volume_save(struct cmk_volume *v)
{
	struct cmk_error e;

	if (cmk_state_save(v->agent->config->state_directory, &v->st, &e))
		cmk_audit_log(v->agent->audit, LOG_ERR, "%s: %s", v->st.name,
			      e.text);
}

int cmk_volume_replace_header(struct cmk_volume *v, struct cmk_header *h,
			      struct cmk_error *e)
{
	struct cmk_header_kek kek;
	int r;

	/* The probe borrows the header. */
	cmk_probe_leave(&v->probe);
	cmk_header_free(v->header);
	v->header = h;
	cmk_header_get_info(h, &v->info);
	r = cmk_volume_known_wrap(h, &v->st, &v->kek, &kek, e);
	v->st.seq = v->info.seq;
	v->st.generations = cmk_header_generations(h);
	if (!r)
		r = cmk_state_save(v->agent->config->state_directory, &v->st,
				   e);
	v->probe.header = h;
	v->probe.kek = v->kek;
	if (cmk_probe_join(v->agent->prober, &v->probe) && !r)
		r = cmk_error_set(e, CMK_PARTIAL, -ENOMEM, "not-watched",
				  "the volume cannot be watched; restart cmkd");
	return r;
}

int cmk_volume_take_header(struct cmk_volume *v, struct cmk_header *h,
			   unsigned int kek, const struct cmk_kek_result *proof,
			   struct cmk_error *e)
{
	struct cmk_pol_obs o = cmk_volume_obs(CMK_OBS_USABLE, proof);
	struct cmk_header_kek w = { .kid = "" };
	int r, saved;

	/* The probe borrows the header, and may be another key's now. */
	cmk_probe_leave(&v->probe);
	cmk_header_free(v->header);
	v->header = h;
	v->kek = kek;
	cmk_header_get_info(h, &v->info);
	cmk_header_get_kek(h, kek, &w);
	snprintf(v->st.kid, sizeof(v->st.kid), "%s", w.kid);
	v->st.seq = v->info.seq;
	v->st.generations = cmk_header_generations(h);
	snprintf(v->st.oid, sizeof(v->st.oid), "%s", proof->oid);
	snprintf(v->st.tid, sizeof(v->st.tid), "%s", proof->tid);
	saved = cmk_state_save(v->agent->config->state_directory, &v->st, e);
	v->last = *proof;
	memset(&v->last.plain, 0, sizeof(v->last.plain));
	v->last_at = cmk_boottime();
	r = cmk_volume_watch(v, 0);
	if (r)
		return cmk_error_set(e, CMK_PARTIAL, r, "not-watched",
				     "the header is rewrapped, but the volume cannot be watched; restart cmkd");
	cmk_volume_observe(v, &o);
	return saved;
}
