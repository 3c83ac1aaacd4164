// SPDX-License-Identifier: GPL-2.0
/*
 * What the node has of a volume beside the header on its disk: its state file
 * and a backup.  A format that could not write them has left a header without,
 * which is whole otherwise.
 */
#include <stdio.h>
#include <string.h>

#include "backup.h"
#include "config.h"
#include "methods-header.h"
#include "volume.h"

/* As Format does; of an open volume the agent knows more than that. */
static int learn(struct upkeep *u, struct cmk_error *e)
{
	const struct cmk_volume *v = cmk_volume_find(u->agent, u->info.uuid);
	struct cmk_state st = {
		.has_hk = true,
		.seq = u->info.seq,
		.generations = cmk_header_generations(u->header),
	};

	memcpy(st.uuid, u->info.uuid, sizeof(st.uuid));
	memcpy(st.hk_id, u->hk_id, sizeof(st.hk_id));
	snprintf(st.device, sizeof(st.device), "%s", u->device);
	if (u->info.detached)
		snprintf(st.header, sizeof(st.header), "%s", u->path);
	snprintf(st.kek, sizeof(st.kek), "%s", u->pin);
	snprintf(st.kid, sizeof(st.kid), "%s", u->kek.kid);
	return cmk_state_save(u->agent->config->state_directory,
			      v && v->life == CMK_VOLUME_WATCHED ? &v->st : &st,
			      e);
}

int cmk_upkeep_complete(struct upkeep *u, struct cmk_error *e)
{
	const struct cmk_config *c = u->agent->config;
	char backup[4096];
	int r = 0;

	if (!u->known)
		r = learn(u, e);
	if (r || cmk_backup_exists(c->state_directory, u->info.uuid))
		return r;
	return cmk_backup_header(c->state_directory, u->path, &u->info,
				 c->header_backups, backup, sizeof(backup), e);
}
