// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl erase: let the agent overwrite all wrapped keys of a volume.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "device.h"

static bool confirmed(const struct cmkctl *ctl, const char *path)
{
	char word[8] = "";

	if (ctl->quiet || !isatty(STDIN_FILENO))
		return true;
	fprintf(stderr, "This destroys the keys of all data of the volume on %s.\n"
		"Type YES in capitals to go on: ", path);
	return fgets(word, sizeof(word), stdin) && strcmp(word, "YES\n") == 0;
}

static int erase(struct cmkctl *ctl, const char *spec)
{
	json_t *o __json = NULL;
	char path[PATH_MAX];
	struct cmk_error e;
	int r = 0;

	/* A file is no block device, and is taken by its path. */
	if (!strchr(spec, '/') || !realpath(spec, path))
		r = device_resolve(spec, path, &e);
	if (r == 0 && !confirmed(ctl, path))
		r = cmk_error_set(&e, CMK_FAILED, -ECANCELED, "not-confirmed",
				  "not confirmed; nothing was written");
	if (r == 0)
		r = client_call(ctl, "Erase", json_pack("{s:s}", "path", path),
				&o, &e);
	if (r < 0)
		return ctl_fail(ctl, &e, spec);
	if (ctl->json)
		ctl_print_json(json_incref(o));
	else if (!ctl->quiet)
		printf("%s: volume %s is erased; both copies of its header are overwritten\n"
		       "and read back, and this node's backups of it are gone.\n"
		       "Exported header backups, disk snapshots and clones still open it, with the\n"
		       "key that they name.\n", path, json_text(o, "uuid"));
	return CMK_OK;
}

int cmd_erase(struct cmkctl *ctl, int argc, char **argv)
{
	int status;

	if (ctl_no_options(ctl, argc, argv, &status) == CTL_STOP)
		return status;
	if (argc - optind != 1)
		return ctl_usage(ctl, "name one device");
	return erase(ctl, argv[optind]);
}
