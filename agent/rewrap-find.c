// SPDX-License-Identifier: GPL-2.0
/*
 * What a rewrap begins with: the volume as the node knows it, its header as it
 * is on the disk, and the key that is to wrap.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config.h"
#include "kek-uri.h"
#include "rewrap-internal.h"
#include "volume-internal.h"

static int know_volume(struct cmk_rewrap *j,
		       const struct cmk_rewrap_order *order,
		       uint64_t *ret_seq, struct cmk_error *e)
{
	const struct cmk_volume *v = cmk_volume_find(j->agent, order->uuid);
	int r;

	*ret_seq = 0;
	if (v) {
		if (v->life != CMK_VOLUME_WATCHED ||
		    !cmk_pol_phase_live(v->pol.phase))
			return cmk_error_set(e, CMK_UNSUITABLE, -EBUSY,
				"not-live",
				"the volume is %s; only one that is live or closed is rewrapped",
				cmk_volume_state_name(v));
		j->st = v->st;
		*ret_seq = v->info.seq;
		return 0;
	}
	r = cmk_state_load(j->agent->config->state_directory, order->uuid,
			   &j->st, e);
	if (r == -ENOENT)
		return cmk_error_set(e, CMK_UNSUITABLE, r, "no-volume",
				     "this node does not know the volume; open it first");
	if (r)
		return r;
	*ret_seq = j->st.seq;
	if (order->device && order->device[0])
		snprintf(j->st.device, sizeof(j->st.device), "%s",
			 order->device);
	if (order->header && order->header[0])
		snprintf(j->st.header, sizeof(j->st.header), "%s",
			 order->header);
	return 0;
}

/*
 * What stands in a copy's place and was never one may be another program's
 * now: only a person may have it written over.
 */
int cmk_rewrap_check_copies(const struct cmk_header_info *info,
			    struct cmk_error *e)
{
	const char *copies = cmk_header_copies_name(info->foreign_copies);

	if (info->read_only)
		return cmk_error_set(e, CMK_UNSUITABLE, -EROFS,
				     "header-feature",
				     "a later version of cmk made this header read-only for this one");
	if (info->foreign_copies)
		return cmk_error_set(e, CMK_UNSUITABLE, -EUCLEAN,
				     "header-copies",
				     "copy %s of the header was replaced by something else or cannot be read; see cmkctl header repair",
				     copies);
	return 0;
}

static int load_header(struct cmk_rewrap *j, uint64_t seq,
		       struct cmk_error *e)
{
	int fd, r;

	r = cmk_header_open(&fd, cmk_rewrap_path(j), false, e);
	if (r)
		return r;
	r = cmk_header_read(&j->header, fd, e);
	close(fd);
	if (r)
		return r;
	cmk_header_get_info(j->header, &j->info);
	if (memcmp(j->info.uuid, j->st.uuid, 16))
		return cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED, "uuid",
				     "the header on the device is another volume's");
	if (j->info.seq < seq)
		return cmk_error_set(e, CMK_UNSUITABLE, -ESTALE,
				     "header-rolled-back",
				     "the header on the device is older (sequence %llu) than the one that is known (%llu)",
				     (unsigned long long)j->info.seq,
				     (unsigned long long)seq);
	r = cmk_rewrap_check_copies(&j->info, e);
	if (r)
		return r;
	return cmk_volume_known_wrap(j->header, &j->st, &j->old, &j->from, e);
}

/* A pin without a version means the newest; "-" means the header's key. */
static int choose_target(struct cmk_rewrap *j,
			 const struct cmk_rewrap_order *order)
{
	struct cmk_kek_uri uri;
	const char *from = j->st.kek;

	if (order->kind == CMK_REWRAP_KEK)
		from = order->kek;
	else if (!strcmp(from, "-"))
		from = j->from.kid;
	if (from == j->from.kid && j->from.provider == CMK_FORMAT_KEK_SERVICE) {
		strcpy(j->target, "service");
		return 0;
	}
	if (from != j->from.kid || cmk_kek_uri_parse(&uri, from)) {
		snprintf(j->target, sizeof(j->target), "%s", from);
		return 0;
	}
	uri.version[0] = 0;
	return cmk_kek_uri_format(&uri, j->target, sizeof(j->target));
}

/*
 * Nothing to do?  What an interrupted change has left behind is cleared by
 * going through it again; so is the same key under another pin.
 */
bool cmk_rewrap_is_current(const struct cmk_rewrap *j)
{
	struct cmk_header_kek other;
	unsigned int i;

	if (strcasecmp(j->from.kid, j->to.kid) ||
	    strcasecmp(j->from.kid, j->st.kid) ||
	    (j->kind == CMK_REWRAP_KEK && strcmp(j->target, j->st.kek)) ||
	    j->info.valid_copies != 3 || j->info.copies_differ)
		return false;
	for (i = 0; i < CMK_FORMAT_KIDS; i++)
		if (i != j->old && cmk_header_get_kek(j->header, i, &other))
			return false;
	return true;
}

int cmk_rewrap_find(struct cmk_rewrap *j, const struct cmk_rewrap_order *order,
		    struct cmk_error *e)
{
	uint64_t seq;
	int r;

	r = know_volume(j, order, &seq, e);
	if (!r)
		r = load_header(j, seq, e);
	if (r)
		return r;
	j->total = j->info.wrap == CMK_FORMAT_WRAP_DIRECT ?
		   3 * (j->info.ranges + 1 +
			cmk_header_spare_used(j->header)) : 3;
	if (choose_target(j, order))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "kek-uri",
				     "the name of the key is too long");
	return 0;
}
