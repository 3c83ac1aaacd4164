// SPDX-License-Identifier: GPL-2.0
/* Races with tables, devices and the module. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "race.h"

enum state { LIVE, HELD, REVOKED };

static void enter(enum state state)
{
	load_succeeds(1 + pick(4));
	switch (state) {
	case LIVE:
		return;
	case HELD:
		link_do(race.other, "", "hold %s", race.uuid);
		break;
	case REVOKED:
		link_do(race.other, "", "revoke %s", race.uuid);
		break;
	}
	load_gate(false);
	wait_until(now() + pick(2000));
}

/* A command that makes a difference in this state. */
static const char *next_command(enum state state)
{
	static const char * const from[][2] = {
		[LIVE] = { "hold", "revoke" },
		[HELD] = { "revoke", "admin-restore" },
		[REVOKED] = { "admin-restore", "admin-restore" },
	};

	return from[state][pick(2)];
}

/*
 * The table is replaced in each state of the gate, while a command changes it.
 * What the command has said stands, whichever came first.
 */
void round_reload(void)
{
	enum state state = pick(3);
	const char *command = next_command(state);
	bool opens = command[0] == 'a', holds = command[0] == 'h';
	static uint64_t took = 10000;
	uint64_t begin, swapped;
	char line[128];
	struct answer a;

	load_permit(state == REVOKED || command[0] == 'r' ? "ENODEV" : "");
	enter(state);
	if (opens)
		load_gate(true);
	snprintf(line, sizeof(line), "%s %s%s", command, race.uuid,
		 opens ? " 600 hold" : "");
	begin = now();
	link_send_at(race.other, begin + pick(took), line);
	table_load();
	/* A flush would wait for what is held. */
	table_suspend(state == LIVE && !holds && pick(2));
	swapped = now();
	table_resume();
	took = now() - begin + 1;
	a = link_answer(race.other);
	if (a.error[0])
		fault("%s", a.words);
	if (!opens)
		load_gate(false);
	expect(opens ? "open" : holds ? "held" : "revoked", 0);
	count(a.end <= swapped ? FIRST : a.begin >= swapped ? SECOND : BOTH);
	load_gate(true);
	restore(false);
	load_pause(false);
	load_go();
}

static void make_again(void)
{
	table_create();
	restore(false);
	table_resume();
}

/*
 * All I/O of a device that is removed by force ends: dmsetup does not flush, so
 * that what is held fails in its table of errors.  A revoke comes before or
 * finds no volume.
 */
void round_remove(void)
{
	char *remove[] = { "dmsetup", "remove", "--force", (char *)race.name,
			   NULL };
	enum state state = pick(16) ? pick(3) ? LIVE : REVOKED : HELD;
	static uint64_t took = 50000;
	struct answer a = { 0 };
	uint64_t begin;
	char line[64];

	enter(state);
	begin = now();
	snprintf(line, sizeof(line), "revoke %s", race.uuid);
	if (state == LIVE)
		link_send_at(race.other, begin + pick(took), line);
	/* It is busy, so that only its table goes, or nobody has it open. */
	run_program(remove);
	if (now() - begin > PATIENCE)
		fault("remove does not end");
	if (state != HELD)
		took = now() - begin + 1;
	if (state == LIVE)
		a = link_answer(race.other);
	load_pause(true);
	if (a.error[0] && !answer_is(&a, "ENODEV"))
		fault("%s", a.words);
	table_remove();
	load_gate(true);
	make_again();
	load_go();
	count(state != LIVE ? NEITHER : a.error[0] ? SECOND : FIRST);
}

static atomic_uint unloaded, in_use;
static atomic_bool over;

/* Again and again tries to remove the module. */
static void *unload(void *arg)
{
	unsigned int s = (uintptr_t)arg;

	while (!over) {
		if (!syscall(SYS_delete_module, "dm_cmk", O_NONBLOCK))
			unloaded++;
		else if (errno == EAGAIN || errno == EBUSY)
			in_use++;
		else if (errno != ENOENT)
			fault("delete_module: %s", strerror(errno));
		/* Loading takes its time, and has to come to its end. */
		usleep(rand_r(&s) % 300000);
	}
	return NULL;
}

static void write_and_read(void)
{
	unsigned char *buf = aligned_alloc(4096, 8192);
	unsigned int i;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/dev/mapper/%s", race.name);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (!buf || fd < 0)
		fault("%s: %s", path, strerror(errno));
	for (i = 0; i < 8192; i++)
		buf[i] = race.rounds + i * 7;
	if (pwrite(fd, buf, 8192, 0) != 8192)
		fault("write: %s", strerror(errno));
	memset(buf, 0, 8192);
	if (pread(fd, buf, 8192, 0) != 8192)
		fault("read: %s", strerror(errno));
	for (i = 0; i < 8192; i++)
		if (buf[i] != (unsigned char)(race.rounds + i * 7))
			fault("wrong data");
	close(fd);
	free(buf);
}

/* The table loads the module if it must, and then keeps it. */
void round_unload(void)
{
	pthread_t thread;
	struct link *l;

	unloaded = 0;
	in_use = 0;
	over = false;
	if (pthread_create(&thread, NULL, unload,
			   (void *)(uintptr_t)pick(1u << 30)))
		fault("no thread");
	/* Commands while it may come and go. */
	l = pick(2) ? link_start(true) : NULL;
	if (l) {
		link_send(l, "!get %s", race.uuid);
		if (!link_answer(l).error[0])
			fault("a volume that is not there");
		link_stop(l, 0);
	}
	while (!table_try_create())
		;
	race.agent = link_start(true);
	if (!race.agent)
		fault("no nltool");
	restore(false);
	table_resume();
	write_and_read();
	if (pick(2))
		link_do(race.agent, "", "revoke %s", race.uuid);
	link_stop(race.agent, 0);
	table_remove();
	wait_until(now() + pick(10000));
	over = true;
	pthread_join(thread, NULL);
	count(unloaded ? in_use ? BOTH : FIRST : in_use ? SECOND : NEITHER);
}
