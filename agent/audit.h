/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The audit trail, in the journal: one entry an event, with the fields that
 * audit.c writes.  Writing never waits, whatever the journal does; what could
 * not be handed over is counted and told.  No entry holds a secret.
 */
#ifndef CMK_AUDIT_H
#define CMK_AUDIT_H

#include <stdint.h>
#include <sys/types.h>

#include "kek.h"

/* The names of the events are the words of CMK_EVENT, with '-' for '_'. */
enum cmk_audit_event {
	CMK_AUDIT_LOG,		/* no event: words of the agent about itself */
	CMK_AUDIT_WRAP,
	CMK_AUDIT_UNWRAP,
	CMK_AUDIT_PROBE,
	CMK_AUDIT_INSTALL,
	CMK_AUDIT_HOLD,
	CMK_AUDIT_REVOKE,
	CMK_AUDIT_RESTORE,
	CMK_AUDIT_OPEN,
	CMK_AUDIT_CLOSE,
	CMK_AUDIT_FORMAT,
	CMK_AUDIT_REWRAP,
	CMK_AUDIT_SET_KEK,
	CMK_AUDIT_REKEY_START,
	CMK_AUDIT_REKEY_DONE,
	CMK_AUDIT_HEADER_REPAIR,
	CMK_AUDIT_HEADER_RESTORE,
	CMK_AUDIT_ERASE,
	CMK_AUDIT_HEADER_ACCEPT,
	CMK_AUDIT_BIND,
	CMK_AUDIT_LEASE_LAPSE,
	CMK_AUDIT_POLICY_CHANGE,
	CMK_AUDIT_PURGE,
	CMK_AUDIT_LOST,
};

enum cmk_audit_result {
	CMK_AUDIT_OK,
	CMK_AUDIT_DENIED,
	CMK_AUDIT_NETWORK_DENIED,
	CMK_AUDIT_UNAUTHENTICATED,
	CMK_AUDIT_UNKNOWN,
	CMK_AUDIT_REFUSED,
	CMK_AUDIT_FAILED,
};

/**
 * struct cmk_audit_entry - what is known of an event; NULL is not written
 * @range: "all", "header", "3", "3-5"
 * @kek: the answer of the key server that led to it
 * @pid: of who asked for it, 0 if it was the agent itself
 * @left: what of the data could not be taken out of the node's memory
 */
struct cmk_audit_entry {
	enum cmk_audit_event event;
	enum cmk_audit_result result;
	const char *cause;
	const unsigned char *uuid;
	const char *name, *device, *range, *kid;
	const unsigned char *thumbprint;
	const struct cmk_kek_result *kek;
	uid_t uid;
	pid_t pid;
	const char *reason, *state_old, *state_new, *left;
	int64_t grace_left_s;
	int priority;		/* syslog's, 0 for the event's own */
};

struct cmk_audit;

/**
 * cmk_audit_new() - a connection to the journal
 * @program: a constant; who writes.  Only the agent's entries are numbered.
 * @to_stderr: also there, for a run outside of systemd
 */
int cmk_audit_new(struct cmk_audit **ret, const char *program, bool to_stderr);
void cmk_audit_free(struct cmk_audit *a);

/**
 * cmk_audit_write() - write one entry
 * @fmt: MESSAGE, one sentence for people without a full stop
 */
void cmk_audit_write(struct cmk_audit *a, const struct cmk_audit_entry *en,
		     const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A line about the agent itself; @priority is syslog's. */
void cmk_audit_log(struct cmk_audit *a, int priority, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* How many entries were lost since the start. */
uint64_t cmk_audit_lost(const struct cmk_audit *a);

/* The word for what the key server answered. */
enum cmk_audit_result cmk_audit_result_of(enum cmk_answer answer);

#endif
