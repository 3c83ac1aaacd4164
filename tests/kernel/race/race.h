/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Races on one volume, round after round, while others read and write it.
 *
 * main.c tells the words; kind-*.c have a function for one round of each race;
 * load.c reads and writes and judges each answer; link.c has commands sent by
 * nltool; table.c replaces tables and removes devices.
 *
 * All times are microseconds of CLOCK_BOOTTIME.  Whatever is wrong ends the
 * program by fault().
 */
#ifndef CMK_RACE_H
#define CMK_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANGES		4
#define RANGE_SECTORS	16384
#define SECTORS		(RANGES * RANGE_SECTORS)
/* How long anything may take that has to end, in this machine. */
#define PATIENCE	30000000

uint64_t now(void);
/* From @us microseconds ahead of now; sleeps or, for the last, spins. */
void wait_until(uint64_t when);
/* At least 0 and below @n. */
unsigned int pick(unsigned int n);
__attribute__((noreturn, format(printf, 1, 2)))
void fault(const char *format, ...);

/* --- link.c --- */

struct link;

/**
 * struct answer - what nltool said to one line
 * @error: name of the errno, "" for none
 * @begin: of the command
 * @end: of the command
 * @words: what it printed
 */
struct answer {
	char error[24];
	uint64_t begin, end;
	char words[512];
};

/* A bound one is the agent; 0 or NULL when the kernel has another. */
struct link *link_start(bool bound);
/* By a signal, 0 for the end of its input. */
void link_stop(struct link *l, int sig);
__attribute__((format(printf, 2, 3)))
void link_send(struct link *l, const char *format, ...);
/* Ends it by SIGKILL then, in a thread of its own. */
void link_kill_at(struct link *l, uint64_t when);
/* Sends at @when, in a thread of its own. */
void link_send_at(struct link *l, uint64_t when, const char *line);
/* The oldest line's that has none yet. */
struct answer link_answer(struct link *l);
/* Sends and waits; any error but those in @may is a fault. */
__attribute__((format(printf, 3, 4)))
struct answer link_do(struct link *l, const char *may, const char *format, ...);
unsigned long long answer_number(const struct answer *a, const char *field);
bool answer_is(const struct answer *a, const char *error);

/* --- load.c --- */

/**
 * struct seen - I/O around one moment
 * @ok: how many succeeded that were under way in it
 * @late: those of @ok that ended after @until
 * @failed: how many failed that were under way in it
 * @last_ok: end of the last one that succeeded, ever
 * @last_submit: beginning of the last that did so
 */
struct seen {
	unsigned int ok, late, failed;
	uint64_t last_ok, last_submit;
};

/* What an I/O may be told, by name; others are faults. */
void load_start(const char *path, unsigned int readers, unsigned int writers,
		unsigned int both);
void load_permit(const char *errors);
/* From now on who is refused tries again at once. */
void load_insist(void);
/*
 * No I/O that begins from now on succeeds before load_gate(true).  An I/O of
 * which it is not known on which side it was is not judged.
 */
void load_gate(bool open);
/* Returns when each I/O has ended; with @shut the device is closed, too. */
void load_pause(bool shut);
void load_go(void);
/* While paused: I/O that was under way between @from and @to. */
struct seen load_seen(uint64_t from, uint64_t to, uint64_t until);
/* Returns when @n more have succeeded. */
void load_succeeds(unsigned int n);
void load_stop(void);
void load_report(void);

/* --- table.c --- */

void table_create(void);
/* False when the target is not there. */
bool table_try_create(void);
void table_remove(void);
void table_load(void);
void table_suspend(bool flush);
void table_resume(void);
/* Runs a program; returns its exit status. */
int run_program(char *const argv[]);

/* --- main.c --- */

/**
 * struct race - what all rounds share
 * @uuid: of the volume
 * @name: of the mapped device
 * @disk: below it
 * @options: of its table line, with their number
 * @command: a program with its words, of the race that wants one
 * @key: of every range, in hexadecimal
 * @agent: the bound nltool
 * @other: another, as an administrator's
 * @rounds: done so far
 * @first: rounds in which what the race's name has first came first
 * @second: rounds in which it came second
 * @both: rounds in which both were seen
 * @bias: microseconds by which the second is sent later, moved after each
 *	round toward where both orders occur
 */
struct race {
	const char *uuid, *name, *disk, *options;
	char **command;
	char key[129];
	struct link *agent, *other;
	unsigned int rounds, first, second, both;
	int bias;
};

extern struct race race;

enum order { FIRST, SECOND, BOTH, NEITHER };

void count(enum order order);
/* The gate as the kernel tells it; all else is a fault. */
void expect(const char *gate, int live);
/* Waits for it. */
void expect_soon(const char *gate, int live);
/* Opens the gate and sets all keys, or with @bare none. */
void restore(bool bare);
void set_keys(void);

/* --- kind-*.c --- */

void round_revoke_map(void);
void round_set_revoke(void);
void round_restore_revoke(void);
void round_restore_refuse(void);
void round_lapse_renew(void);
void round_hold_reads(void);
void round_rebind(void);
void round_command(void);
void round_reload(void);
void round_remove(void);
void round_unload(void);

#endif
