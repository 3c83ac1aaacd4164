/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the commands of cmkctl(8) share: the global options, the parsing of
 * options, errors and results in their two forms (for people and as JSON).
 */
#ifndef CMKCTL_H
#define CMKCTL_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <sys/types.h>

#include "error.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/**
 * struct cmkctl - one run of the program
 * @command: name, for messages and help
 * @synopsis, @help: of the command
 * @json, @quiet, @verbose: global options
 * @timeout: seconds to wait for the agent's next word, 0: the command's own
 * @uid, @pid: of who asks for it, for the audit trail
 * @detail: what the agent said about its last error beyond struct cmk_error
 */
struct cmkctl {
	const char *command, *synopsis, *help;
	bool json, quiet, verbose;
	unsigned int timeout;
	uid_t uid;
	pid_t pid;
	json_t *detail;
};

/* Each returns an exit status and has reported its errors. */
typedef int (*cmkctl_run_t)(struct cmkctl *ctl, int argc, char **argv);

int cmd_benchmark(struct cmkctl *ctl, int argc, char **argv);
int cmd_close(struct cmkctl *ctl, int argc, char **argv);
int cmd_dump(struct cmkctl *ctl, int argc, char **argv);
int cmd_erase(struct cmkctl *ctl, int argc, char **argv);
int cmd_format(struct cmkctl *ctl, int argc, char **argv);
int cmd_header(struct cmkctl *ctl, int argc, char **argv);
int cmd_helper(struct cmkctl *ctl, int argc, char **argv);
int cmd_hold(struct cmkctl *ctl, int argc, char **argv);
int cmd_list(struct cmkctl *ctl, int argc, char **argv);
int cmd_open(struct cmkctl *ctl, int argc, char **argv);
int cmd_probe(struct cmkctl *ctl, int argc, char **argv);
int cmd_rekey(struct cmkctl *ctl, int argc, char **argv);
int cmd_restore(struct cmkctl *ctl, int argc, char **argv);
int cmd_rewrap(struct cmkctl *ctl, int argc, char **argv);
int cmd_revoke(struct cmkctl *ctl, int argc, char **argv);
int cmd_set_kek(struct cmkctl *ctl, int argc, char **argv);
int cmd_status(struct cmkctl *ctl, int argc, char **argv);
int cmd_udev(struct cmkctl *ctl, int argc, char **argv);

/*
 * Options.  Each command's table starts with CTL_OPTIONS, so that the global
 * ones are taken on both sides of the command's name.
 */
#define CTL_OPTION_JSON		0x100
#define CTL_OPTION_TIMEOUT	0x101
#define CTL_OPTION_OWN		0x200	/* first value of a command's own */

#define CTL_OPTIONS \
	{ "json", no_argument, NULL, CTL_OPTION_JSON }, \
	{ "quiet", no_argument, NULL, 'q' }, \
	{ "verbose", no_argument, NULL, 'v' }, \
	{ "timeout", required_argument, NULL, CTL_OPTION_TIMEOUT }, \
	{ "help", no_argument, NULL, 'h' }, \
	{ "version", no_argument, NULL, 'V' }

#define CTL_DONE	(-1)	/* all options are read: optind */
#define CTL_STOP	(-2)	/* end now, with *status */

/**
 * ctl_option() - the next option of a command
 * @options: ends with an empty entry; each option at most once
 * @status: exit status for CTL_STOP
 *
 * Return: an option of the command, CTL_DONE or CTL_STOP.
 */
int ctl_option(struct cmkctl *ctl, int argc, char **argv,
	       const struct option *options, int *status);

/* For a command that has none of its own: 0, or CTL_STOP. */
int ctl_no_options(struct cmkctl *ctl, int argc, char **argv, int *status);

int ctl_usage(struct cmkctl *ctl, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Reports @e about @volume (may be NULL).  Return: its exit status. */
int ctl_fail(struct cmkctl *ctl, const struct cmk_error *e,
	     const char *volume);
/* On stderr, unless --quiet. */
void ctl_warn(struct cmkctl *ctl, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void ctl_verbose(struct cmkctl *ctl, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints and releases @object. */
void ctl_print_json(json_t *object);

/* The worse of two exit statuses of a command that went over several. */
int ctl_worse(int a, int b);

static inline void ctl_freep(void *p)
{
	free(*(void **)p);
}

static inline void ctl_json_freep(json_t **p)
{
	json_decref(*p);
}

void ctl_closep(int *fd);

#define __free		__attribute__((cleanup(ctl_freep)))
#define __json		__attribute__((cleanup(ctl_json_freep)))
#define __fd		__attribute__((cleanup(ctl_closep)))

#endif
