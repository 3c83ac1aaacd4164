// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the table of commands, and nothing of what they do: cmd-*.c.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmkctl.h"

static const struct command {
	const char *name;
	cmkctl_run_t run;
	const char *synopsis;
	const char *summary;
	const char *help;
} commands[] = {
	{ "format", cmd_format, "DEVICE [OPTION...]",
	  "make DEVICE a volume; destroys what is on it",
	  "  --kek URI           key encryption key; default: service\n"
	  "  --range-size SIZE   sectors under one key; a power of two\n"
	  "  --sector-size N     512, 1024, 2048 or 4096; default: 4096\n"
	  "  --wrap hk|direct    how the keys are wrapped\n"
	  "  --header FILE       keep the header apart from the device\n"
	  "  --uuid UUID         default: a random one\n"
	  "  --ensure            done if DEVICE already is such a volume\n"
	  "  --force             overwrite signatures and partition tables\n"
	  "  --dry-run           check and tell, write nothing\n" },
	{ "open", cmd_open, "NAME | DEVICE NAME [OPTION...]",
	  "map a volume as /dev/mapper/NAME; NAME alone: as cmktab(5) says",
	  "  --kek URI           key that is allowed; default: as cmktab says\n"
	  "  --header FILE       the header is not on the device\n"
	  "  --read-only         map read-only\n"
	  "  --allow-discards    pass discards to the device\n"
	  "  --on-demand         fetch keys when they are needed\n"
	  "  --wait TIME         try again so long; \"auto\": as cmktab says\n"
	  "  --accept-header     take a header that is not the last known\n" },
	{ "close", cmd_close, "NAME... | --all [OPTION...]",
	  "drop the keys and remove the mapping",
	  "  --all               every open volume\n"
	  "  --force             if busy: remove when the last user has gone\n" },
	{ "list", cmd_list, "", "the volumes, one a line", "" },
	{ "status", cmd_status, "[VOLUME...] [OPTION...]",
	  "what kernel and agent know about volumes",
	  "  --watch[=SEC]       again each SEC seconds; default: 2\n"
	  "  --check             status 0 if all are live and proven, else 1\n" },
	{ "dump", cmd_dump, "DEVICE", "what the header says; needs no key",
	  "" },
	{ "revoke", cmd_revoke, "VOLUME... | --all [OPTION...]",
	  "wipe the keys at once; I/O fails",
	  "  --all               every open volume\n"
	  "  --reason TEXT       shown in status\n"
	  "  --no-purge          leave file systems and caches alone\n" },
	{ "hold", cmd_hold, "VOLUME... | --all [OPTION...]",
	  "wipe the keys at once; I/O waits",
	  "  --all               every open volume\n"
	  "  --reason TEXT       shown in status\n"
	  "  --no-purge          leave caches alone\n" },
	{ "restore", cmd_restore, "VOLUME... | --all [OPTION...]",
	  "give a held or revoked volume its keys again",
	  "  --all               every held or revoked volume\n" },
	{ "probe", cmd_probe, "[VOLUME...]",
	  "ask the key server now", "" },
	{ "rewrap", cmd_rewrap, "VOLUME... | --all [OPTION...]",
	  "wrap the keys with the newest version of the KEK",
	  "  --all               every open volume\n"
	  "  --dry-run           ask and tell, write nothing\n" },
	{ "set-kek", cmd_set_kek, "VOLUME URI [OPTION...]",
	  "wrap the keys with another KEK; rewrites no data",
	  "  --force             take a key that format would refuse\n"
	  "  --dry-run           ask and tell, write nothing\n"
	  "  --rekey             then rekey all ranges, which the former KEK's\n"
	  "                      holder may have the keys of\n" },
	{ "rekey", cmd_rekey, "VOLUME [OPTION...]",
	  "encrypt ranges anew under other DEKs, in place",
	  "  --range N[-M]       these ranges\n"
	  "  --all               all ranges\n"
	  "  --bandwidth SIZE    at most so much a second\n"
	  "  --detach            do not wait for the end\n"
	  "  --attach            watch one that is under way\n"
	  "  --pause             stop it for now\n"
	  "  --resume            let it go on\n" },
	{ "header", cmd_header, "ACTION DEVICE [FILE] [OPTION...]",
	  "check, backup, restore or repair a header",
	  "  check DEVICE         are both copies whole, and the same?\n"
	  "  backup DEVICE FILE   write the header to a new file\n"
	  "  restore DEVICE FILE  put it back; the volume is closed\n"
	  "  repair DEVICE        one copy from the other\n"
	  "  --from-agent         repair: both, from the agent's memory\n"
	  "  --accept-header      restore: also one that is not the last\n" },
	{ "erase", cmd_erase, "DEVICE",
	  "destroy the keys of a volume, and so its data", "" },
	{ "benchmark", cmd_benchmark, "", "how fast the cipher is", "" },
	/* For cmk-helper.socket */
	{ "helper", cmd_helper, "", NULL, "" },
	/* For the udev rules; without a summary it is not listed. */
	{ "udev", cmd_udev, "DEVICE | --mapped DEVICE", NULL,
	  "  --mapped            DEVICE is an open volume's mapped device\n" },
};

static const char common_help[] =
	"  --json              results and errors as JSON\n"
	"  -q, --quiet         no questions, no progress, no words\n"
	"  -v, --verbose       tell more\n"
	"  --timeout SEC       wait so long for the agent\n"
	"  -h, --help          this text\n"
	"  -V, --version       the version\n";

static const char overview[] =
	"VOLUME is a mapping name, UUID=..., or a device.\n"
	"See cmkctl(8).  \"cmkctl COMMAND --help\" tells about a command.\n";

static char program_help[4096];

/* The overview is made of the table, so that it cannot be out of date. */
static void make_program_help(void)
{
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].summary)
			n += snprintf(program_help + n,
				      sizeof(program_help) - n, "  %-10s %s\n",
				      commands[i].name, commands[i].summary);
	snprintf(program_help + n, sizeof(program_help) - n, "\n%s\n%s",
		 common_help, overview);
}

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int run(struct cmkctl *ctl, const struct command *command, int argc,
	       char **argv)
{
	static char help[2048];

	snprintf(help, sizeof(help), "%s\n%s%s%s",
		 command->summary ? command->summary : "for units and udev rules",
		 command->help, *command->help ? "\n" : "", common_help);
	ctl->command = command->name;
	ctl->synopsis = command->synopsis;
	ctl->help = help;
	optind = 0;		/* glibc: start over */
	return command->run(ctl, argc, argv);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { CTL_OPTIONS, { 0 } };
	struct cmkctl ctl = {
		.synopsis = "[OPTION...] COMMAND [ARG...]",
		.uid = getuid(),
		.pid = getpid(),
	};
	const struct command *command;
	int status = CMK_OK;

	make_program_help();
	ctl.help = program_help;
	/* The leading '+' of ctl_option() stops at the command's name. */
	if (ctl_option(&ctl, argc, argv, options, &status) == CTL_STOP)
		return status;
	if (optind >= argc)
		return ctl_usage(&ctl, "which command?");
	command = find(argv[optind]);
	if (!command)
		return ctl_usage(&ctl, "unknown command '%s'", argv[optind]);

	status = run(&ctl, command, argc - optind, argv + optind);
	if (fflush(stdout) != 0 && status == CMK_OK)
		status = CMK_FAILED;
	json_decref(ctl.detail);
	return status;
}
