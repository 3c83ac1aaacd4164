// SPDX-License-Identifier: GPL-2.0
/*
 * Owns how options are read: the global ones are handled here, an unknown,
 * repeated or incomplete one is refused with status 2.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmkctl.h"
#include "span.h"

static uint64_t seen;		/* options of this command, by table index */

static void print_help(const struct cmkctl *ctl)
{
	printf("cmkctl%s%s %s\n\n%s", ctl->command ? " " : "",
	       ctl->command ? ctl->command : "", ctl->synopsis, ctl->help);
}

static int bad_option(struct cmkctl *ctl, int c, char **argv)
{
	const char *arg = argv[optind > 0 ? optind - 1 : 0];

	if (c == ':')
		return ctl_usage(ctl, "option '%s' needs a value", arg);
	if (optopt > 0 && optopt < CTL_OPTION_JSON && !strchr("hVqv", optopt))
		return ctl_usage(ctl, "unknown option '-%c'", optopt);
	if (optopt)
		return ctl_usage(ctl, "option '%s' takes no value", arg);
	return ctl_usage(ctl, "unknown option '%s'", arg);
}

/* Return: 0, or CTL_STOP with *status. */
static int global_option(struct cmkctl *ctl, int c, int *status)
{
	switch (c) {
	case CTL_OPTION_JSON:
		ctl->json = true;
		return 0;
	case 'q':
		ctl->quiet = true;
		return 0;
	case 'v':
		ctl->verbose = true;
		return 0;
	case CTL_OPTION_TIMEOUT:
		if (cmk_parse_uint(optarg, &ctl->timeout) == 0 &&
		    ctl->timeout > 0 && ctl->timeout <= 86400)
			return 0;
		*status = ctl_usage(ctl, "--timeout: 1 to 86400 seconds, not "
				    "'%s'", optarg);
		return CTL_STOP;
	case 'h':
		print_help(ctl);
		break;
	case 'V':
		printf("cmkctl %s\n", CMK_VERSION);
		break;
	}
	*status = CMK_OK;
	return CTL_STOP;
}

/* A value given twice is a slip of which one half would be lost. */
static bool repeated(const struct option *options, int index)
{
	if (index < 0 || options[index].val < CTL_OPTION_TIMEOUT)
		return false;
	if (seen & 1ULL << index)
		return true;
	seen |= 1ULL << index;
	return false;
}

int ctl_option(struct cmkctl *ctl, int argc, char **argv,
	       const struct option *options, int *status)
{
	/* Before the command options stop at its name. */
	const char *letters = ctl->command ? ":hVqv" : "+:hVqv";
	int c, index;

	opterr = 0;
	if (optind == 0)
		seen = 0;
	for (;;) {
		index = -1;
		optopt = 0;
		c = getopt_long(argc, argv, letters, options, &index);
		if (c == -1)
			return CTL_DONE;
		if (c == '?' || c == ':') {
			*status = bad_option(ctl, c, argv);
			return CTL_STOP;
		}
		if (repeated(options, index)) {
			*status = ctl_usage(ctl, "--%s is given twice",
					    options[index].name);
			return CTL_STOP;
		}
		if (c >= CTL_OPTION_OWN)
			return c;
		if (global_option(ctl, c, status) == CTL_STOP)
			return CTL_STOP;
	}
}

int ctl_no_options(struct cmkctl *ctl, int argc, char **argv, int *status)
{
	static const struct option options[] = { CTL_OPTIONS, { 0 } };

	return ctl_option(ctl, argc, argv, options, status) == CTL_STOP ?
		CTL_STOP : 0;
}

int ctl_usage(struct cmkctl *ctl, const char *fmt, ...)
{
	struct cmk_error e;
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cmk_error_set(&e, CMK_USAGE, 0, "usage", "%s; see \"cmkctl%s%s "
		      "--help\"", text, ctl->command ? " " : "",
		      ctl->command ? ctl->command : "");
	return ctl_fail(ctl, &e, NULL);
}
