// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the file of --apps.  Secrets come from a file because a command line
 * is for everybody to read.
 */
#include <errno.h>
#include <string.h>

#include "apps.h"
#include "login.h"
#include "store.h"

static int app_register(struct vault *v, const char *client, const char *secret)
{
	struct identity *id = identity_find(v->identities, client);
	struct identity **at = &v->identities;

	if (!id) {
		id = identity_new(client, PERM_SERVICE);
		if (!id)
			return -ENOMEM;
		snprintf(id->client_id, sizeof(id->client_id), "%s", client);
		while (*at)
			at = &(*at)->next;
		*at = id;
	}
	login_secret_set(v, id, secret);
	return 0;
}

static int line_parse(struct vault *v, char *line)
{
	char *secret;

	line[strcspn(line, "\r\n")] = '\0';
	if (!*line || *line == '#')
		return 0;
	secret = strchr(line, ':');
	if (!secret || secret == line || !secret[1] ||
	    secret - line >= UUID_LEN)
		return -EINVAL;
	*secret++ = '\0';
	return app_register(v, line, secret);
}

int apps_load(struct vault *v, const char *path)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	if (!f)
		return -errno;
	while (!ret && getline(&line, &size, f) >= 0)
		ret = line_parse(v, line);
	if (line)
		explicit_bzero(line, size);
	free(line);
	return ret ? ret : store_save(v);
}
