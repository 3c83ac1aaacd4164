// SPDX-License-Identifier: GPL-2.0
/* Commands to the kernel, through nltool: one line, one answer. */

#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "race.h"

#define LINE 1024

/**
 * struct link - one nltool
 * @pid: of it
 * @to: its input
 * @from: its output
 * @sender: thread that sends a line later
 * @sending: it has to be joined
 * @when: it sends
 * @line: that it sends, empty to end the program
 */
struct link {
	pid_t pid;
	FILE *to, *from;
	pthread_t sender;
	bool sending;
	uint64_t when;
	char line[LINE];
};

static pid_t spawn(int in, int out, bool bound)
{
	char *argv[] = { "nltool", bound ? NULL : "unbound", NULL };
	posix_spawn_file_actions_t act;
	pid_t pid;

	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_adddup2(&act, in, 0);
	posix_spawn_file_actions_adddup2(&act, out, 1);
	if (posix_spawnp(&pid, argv[0], &act, NULL, argv, environ))
		fault("nltool does not start");
	posix_spawn_file_actions_destroy(&act);
	return pid;
}

struct link *link_start(bool bound)
{
	struct link *l = calloc(1, sizeof(*l));
	int in[2], out[2];

	if (!l || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		fault("no memory for a link");
	l->pid = spawn(in[0], out[1], bound);
	close(in[0]);
	close(out[1]);
	l->to = fdopen(in[1], "w");
	l->from = fdopen(out[0], "r");
	/* It ends at once when it may not bind. */
	link_send(l, "sleep 0");
	if (fgets(l->line, sizeof(l->line), l->from))
		return l;
	link_stop(l, 0);
	return NULL;
}

void link_stop(struct link *l, int sig)
{
	if (sig)
		kill(l->pid, sig);
	if (l->sending)
		pthread_join(l->sender, NULL);
	fclose(l->to);
	fclose(l->from);
	waitpid(l->pid, NULL, 0);
	free(l);
}

void link_send(struct link *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(l->to, format, args);
	va_end(args);
	fputc('\n', l->to);
	fflush(l->to);
}

static void *send_it(void *arg)
{
	struct link *l = arg;

	wait_until(l->when);
	if (l->line[0])
		link_send(l, "%s", l->line);
	else
		kill(l->pid, SIGKILL);
	return NULL;
}

void link_send_at(struct link *l, uint64_t when, const char *line)
{
	l->when = when;
	snprintf(l->line, sizeof(l->line), "%s", line);
	if (pthread_create(&l->sender, NULL, send_it, l))
		fault("no thread");
	l->sending = true;
}

void link_kill_at(struct link *l, uint64_t when)
{
	link_send_at(l, when, "");
}

unsigned long long answer_number(const struct answer *a, const char *field)
{
	const char *at = strstr(a->words, field);

	return at ? strtoull(at + strlen(field), NULL, 10) : 0;
}

struct answer link_answer(struct link *l)
{
	struct answer a = { 0 };
	char *colon;

	if (l->sending) {
		pthread_join(l->sender, NULL);
		l->sending = false;
	}
	if (!fgets(a.words, sizeof(a.words), l->from))
		fault("nltool has ended");
	a.begin = answer_number(&a, "begin=");
	a.end = answer_number(&a, "end=");
	colon = strchr(a.words, ':');
	if (!a.end && (!colon || sscanf(a.words, "%*s %23[^:]", a.error) != 1))
		fault("nltool says %s", a.words);
	return a;
}

bool answer_is(const struct answer *a, const char *error)
{
	return !strcmp(a->error, error);
}

struct answer link_do(struct link *l, const char *may, const char *format, ...)
{
	struct answer a;
	va_list args;

	va_start(args, format);
	vfprintf(l->to, format, args);
	va_end(args);
	link_send(l, "%s", "");
	a = link_answer(l);
	if (a.error[0] && !strstr(may, a.error))
		fault("%s", a.words);
	return a;
}
