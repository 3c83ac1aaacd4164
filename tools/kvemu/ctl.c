// SPDX-License-Identifier: GPL-2.0
/*
 * The client side of the control interface.  It knows no command but `log`:
 * arguments go to the running kvemu as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "ctlsock.h"
#include "reqlog.h"
#include "util.h"

static const char usage[] =
	"usage: kvemu ctl --dir DIR [--wait SECONDS] [--get MEMBER] COMMAND...\n"
	"  --wait SECONDS  wait so long for kvemu to be there\n"
	"  --get MEMBER    print this member of the answer alone (a.b.c)\n"
	"  log [LINES]     print the end of the request log\n"
	"  help            list the other commands\n";

static int fail(const char *what, int err)
{
	fprintf(stderr, "kvemu ctl: %s: %s\n", what, strerror(-err));
	return 2;
}

static int open_dir(const char *path)
{
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? -errno : dir;
}

/* Prints the last lines, all of them for a negative number. */
static int print_log(const char *path, long lines)
{
	_cleanup_(closep) int dir = open_dir(path);
	_cleanup_(freep) char *text = NULL;
	ssize_t len = dir < 0 ? dir : file_read(dir, REQLOG_FILE, &text);
	const char *from;

	if (len < 0)
		return fail(REQLOG_FILE, len);
	for (from = text + len; lines && from > text; from--) {
		if (from[-1] == '\n' && from < text + len && !--lines)
			break;
	}
	fputs(from, stdout);
	return 0;
}

static int connect_once(const char *path)
{
	int dir = open_dir(path);
	int conn;

	if (dir < 0)
		return dir;
	conn = ctlsock_connect(dir);
	close(dir);
	return conn;
}

/* A kvemu that is just starting may not even have made its folder yet. */
static int connect_patiently(const char *path, long seconds)
{
	struct timespec pause = { .tv_nsec = 50 * 1000000L };
	int64_t until = boottime_us() + seconds * 1000000;
	int conn = connect_once(path);

	while (conn < 0 && boottime_us() < until) {
		nanosleep(&pause, NULL);
		conn = connect_once(path);
	}
	return conn;
}

static int print_member(const json_t *answer, const char *path)
{
	_cleanup_(freep) char *copy = strdup(path);
	const json_t *j = answer;
	char *save = NULL;
	char *word;

	for (word = strtok_r(copy, ".", &save); word;
	     word = strtok_r(NULL, ".", &save)) {
		if (json_is_array(j))
			j = json_array_get(j, atoi(word));
		else
			j = json_object_get(j, word);
	}
	if (!j) {
		fprintf(stderr, "kvemu ctl: the answer has no '%s'\n", path);
		return 1;
	}
	if (json_is_string(j))
		printf("%s", json_string_value(j));
	else
		json_dumpf(j, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	putchar('\n');
	return 0;
}

static int print_answer(const json_t *answer, const char *member)
{
	const char *error = json_string_value(json_object_get(answer, "error"));

	if (error)
		fprintf(stderr, "kvemu ctl: %s\n", error);
	if (member && !error)
		return print_member(answer, member);
	json_dumpf(answer, stdout, JSON_INDENT(1));
	putchar('\n');
	return json_is_true(json_object_get(answer, "ok")) ? 0 : 1;
}

static int run(const char *path, char **words, long wait, const char *member)
{
	_cleanup_(closep) int conn = connect_patiently(path, wait);
	json_auto_t *argv = json_array();
	json_auto_t *answer = NULL;

	if (conn < 0)
		return fail("no running kvemu", conn);
	for (; *words; words++)
		json_array_append_new(argv, json_string(*words));
	if (!ctlsock_send(conn, argv))
		answer = ctlsock_receive(conn);
	if (!answer)
		return fail("no answer", -EPROTO);
	return print_answer(answer, member);
}

int ctl_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "wait", required_argument, NULL, 'w' },
		{ "get", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL }
	};
	const char *member = NULL;
	const char *path = NULL;
	long wait = 0;
	int opt;

	/* '+': what follows the command is the server's to understand. */
	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (opt == 'd')
			path = optarg;
		else if (opt == 'w')
			wait = atol(optarg);
		else if (opt == 'g')
			member = optarg;
		else
			return fputs(usage, opt == 'h' ? stdout : stderr),
			       opt == 'h' ? 0 : 2;
	}
	if (!path || optind == argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (!strcmp(argv[optind], "log"))
		return print_log(path, argv[optind + 1] ?
				 atol(argv[optind + 1]) : -1);
	return run(path, argv + optind, wait, member);
}
