// SPDX-License-Identifier: GPL-2.0
/*
 * Hands audit entries to the journal as datagrams of its native protocol
 * (systemd's "Native Journal Protocol").  Not through sd_journal_sendv(),
 * because that waits for a journal that does not read, and the journal may be
 * on a disk whose keys this agent is about to take away.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "audit.h"
#include "clock.h"
#include "span.h"

#define JOURNAL_SOCKET	"/run/systemd/journal/socket"
#define ENTRY_MAX	4096

struct cmk_audit {
	int fd;
	const char *program;
	bool to_stderr, numbered;
	uint64_t seq, lost, told;
};

static const struct event {
	const char *name, *message_id;
	int priority;
} events[] = {
	[CMK_AUDIT_LOG] = { NULL, "3a971065d405439d81e6fc383ec01cc1",
			    LOG_INFO },
	[CMK_AUDIT_WRAP] = { "wrap", "47cd855928db426cb9155268c64cd95b",
			     LOG_NOTICE },
	[CMK_AUDIT_UNWRAP] = { "unwrap", "b92ecf21d6ac47ab9278b0f444290061",
			       LOG_NOTICE },
	[CMK_AUDIT_PROBE] = { "probe", "c89df3fcfea44863850c1122ec1b72ec",
			      LOG_NOTICE },
	[CMK_AUDIT_INSTALL] = { "install", "9ee61d781efb423a810ad8cd5160b557",
				LOG_NOTICE },
	[CMK_AUDIT_HOLD] = { "hold", "fc966f145cc94bd3945f9a7827af175e",
			     LOG_ALERT },
	[CMK_AUDIT_REVOKE] = { "revoke", "f24bd122fe944605bbaa2d485eae88a9",
			       LOG_ALERT },
	[CMK_AUDIT_RESTORE] = { "restore", "4b504514c7d24d4ea340322c88a3ba80",
				LOG_NOTICE },
	[CMK_AUDIT_OPEN] = { "open", "903f0f1b23fa4bd4b490a1af368de8be",
			     LOG_NOTICE },
	[CMK_AUDIT_CLOSE] = { "close", "3858a4c764f74b0fa740af771e9b04ef",
			      LOG_NOTICE },
	[CMK_AUDIT_FORMAT] = { "format", "6b406180dcce499f858ff306f6037165",
			       LOG_NOTICE },
	[CMK_AUDIT_REWRAP] = { "rewrap", "76d55e0d4da041bc93ad5e49a987a3fb",
			       LOG_NOTICE },
	[CMK_AUDIT_SET_KEK] = { "set-kek", "7ef5f96c97cb4c9082d7c17ab97e27ff",
				LOG_NOTICE },
	[CMK_AUDIT_REKEY_START] = { "rekey-start",
				    "5f1d3c9be2a74d0f8a6b47c1d9e0352b",
				    LOG_NOTICE },
	[CMK_AUDIT_REKEY_DONE] = { "rekey-done",
				   "b7c0e46a1f2d4935a8d35e7092c4f61d",
				   LOG_NOTICE },
	[CMK_AUDIT_HEADER_REPAIR] = { "header-repair",
				      "3433d4ca1c2c435eb5bbd30159db9c6a",
				      LOG_NOTICE },
	[CMK_AUDIT_HEADER_RESTORE] = { "header-restore",
				       "8c9ffda9149843ed9396213dc6544c9b",
				       LOG_WARNING },
	[CMK_AUDIT_ERASE] = { "erase", "0cd5fc614edb45b490b5867c8f895ce1",
			      LOG_WARNING },
	[CMK_AUDIT_HEADER_ACCEPT] = { "header-accept",
				      "0e293e2b86664d2cb1e8ed09ff8a041b",
				      LOG_WARNING },
	[CMK_AUDIT_BIND] = { "bind", "3c7a7a551340401b887382d6039c8122",
			     LOG_NOTICE },
	[CMK_AUDIT_LEASE_LAPSE] = { "lease-lapse",
				    "4980e84ad9b14cdeb1d3ffa833d17f2d",
				    LOG_ALERT },
	[CMK_AUDIT_POLICY_CHANGE] = { "policy-change",
				      "61b866aa1d464ace928fe7e0ed3c0342",
				      LOG_NOTICE },
	[CMK_AUDIT_PURGE] = { "purge", "802b7b38d80f4f8cbfdfb714ea49ca39",
			      LOG_NOTICE },
	[CMK_AUDIT_LOST] = { "audit-lost", "db3a30d8a26a441f801e7a085b6a9d79",
			     LOG_WARNING },
};

static const char * const result_names[] = {
	[CMK_AUDIT_OK] = "ok",
	[CMK_AUDIT_DENIED] = "denied",
	[CMK_AUDIT_NETWORK_DENIED] = "network-denied",
	[CMK_AUDIT_UNAUTHENTICATED] = "unauthenticated",
	[CMK_AUDIT_UNKNOWN] = "unknown",
	[CMK_AUDIT_REFUSED] = "refused",
	[CMK_AUDIT_FAILED] = "failed",
};

enum cmk_audit_result cmk_audit_result_of(enum cmk_answer answer)
{
	switch (answer) {
	case CMK_USABLE:
		return CMK_AUDIT_OK;
	case CMK_DENIED_DELETED:
	case CMK_DENIED_DISABLED:
	case CMK_DENIED_EXPIRED:
	case CMK_DENIED_PERMISSION:
		return CMK_AUDIT_DENIED;
	case CMK_NETWORK_DENIED:
		return CMK_AUDIT_NETWORK_DENIED;
	case CMK_UNAUTHENTICATED:
		return CMK_AUDIT_UNAUTHENTICATED;
	case CMK_UNKNOWN:
		break;
	}
	return CMK_AUDIT_UNKNOWN;
}

/* One datagram while it is written; fields that do not fit are left out. */
struct entry {
	char buf[ENTRY_MAX];
	size_t used;
};

static void __attribute__((format(printf, 3, 4)))
field(struct entry *en, const char *name, const char *fmt, ...)
{
	size_t room = sizeof(en->buf) - en->used;
	char *s = en->buf + en->used, *p;
	size_t head = strlen(name) + 1;
	va_list ap;
	int n;

	if (head + 1 >= room)
		return;
	sprintf(s, "%s=", name);
	va_start(ap, fmt);
	n = vsnprintf(s + head, room - head, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n + 1 >= room - head)
		return;
	/* A value may come from a server: it must not begin another field. */
	for (p = s + head; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = ' ';
	*p = '\n';
	en->used += head + n + 1;
}

static void text(struct entry *en, const char *name, const char *value)
{
	if (value && *value)
		field(en, name, "%s", value);
}

static void kek_fields(struct entry *en, const struct cmk_kek_result *r)
{
	if (r->http)
		field(en, "CMK_HTTP", "%d", r->http);
	text(en, "CMK_CODE", r->code);
	text(en, "CMK_REQUEST_ID", r->request_id);
	text(en, "CMK_CLIENT_REQUEST_ID", r->client_request_id);
	if (r->latency_us)
		field(en, "CMK_LATENCY_US", "%" PRId64, r->latency_us);
	if (r->oid[0])
		field(en, "CMK_PRINCIPAL", "%s/%s/%s", r->tid, r->oid,
		      r->appid);
}

static void volume_fields(struct entry *en, const struct cmk_audit_entry *in)
{
	char uuid[37], hex[65];
	unsigned int i;

	if (in->uuid) {
		cmk_format_uuid(in->uuid, uuid);
		text(en, "CMK_VOLUME", uuid);
	}
	text(en, "CMK_NAME", in->name);
	text(en, "CMK_DEVICE", in->device);
	text(en, "CMK_RANGE", in->range);
	text(en, "CMK_KID", in->kid);
	if (in->thumbprint) {
		for (i = 0; i < 32; i++)
			sprintf(hex + 2 * i, "%02x", in->thumbprint[i]);
		text(en, "CMK_THUMBPRINT", hex);
	}
	text(en, "CMK_STATE_OLD", in->state_old);
	text(en, "CMK_STATE_NEW", in->state_new);
	text(en, "CMK_LEFT", in->left);
	if (in->grace_left_s)
		field(en, "CMK_GRACE_LEFT_S", "%" PRId64, in->grace_left_s);
}

static void event_fields(struct cmk_audit *a, struct entry *en,
			 const struct cmk_audit_entry *in)
{
	const struct event *ev = &events[in->event];

	field(en, "PRIORITY", "%d", in->priority ?: ev->priority);
	text(en, "SYSLOG_IDENTIFIER", a->program);
	text(en, "MESSAGE_ID", ev->message_id);
	field(en, "CMK_BOOTTIME_US", "%" PRIu64, cmk_boottime());
	if (!ev->name)
		return;
	text(en, "CMK_EVENT", ev->name);
	text(en, "CMK_RESULT", result_names[in->result]);
	text(en, "CMK_CAUSE", in->cause);
	text(en, "CMK_REASON", in->reason);
	if (a->numbered)
		field(en, "CMK_SEQ", "%" PRIu64, ++a->seq);
	if (in->pid) {
		field(en, "CMK_UID", "%u", in->uid);
		field(en, "CMK_PID", "%d", in->pid);
	}
}

static bool hand_over(struct cmk_audit *a, const struct entry *en)
{
	static const struct sockaddr_un to = {
		.sun_family = AF_UNIX,
		.sun_path = JOURNAL_SOCKET,
	};

	return sendto(a->fd, en->buf, en->used, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&to, sizeof(to)) >= 0;
}

/* Told only when the journal reads again, else it would be lost as well. */
static void tell_lost(struct cmk_audit *a)
{
	struct cmk_audit_entry in = { .event = CMK_AUDIT_LOST };
	struct entry en = { .used = 0 };

	if (a->told == a->lost)
		return;
	field(&en, "MESSAGE", "%" PRIu64 " audit entries were lost",
	      a->lost - a->told);
	event_fields(a, &en, &in);
	if (hand_over(a, &en))
		a->told = a->lost;
}

static void vwrite(struct cmk_audit *a, const struct cmk_audit_entry *in,
		   const char *fmt, va_list ap)
{
	struct entry en = { .used = 0 };
	char message[1024];

	vsnprintf(message, sizeof(message), fmt, ap);
	field(&en, "MESSAGE", "%s", message);
	event_fields(a, &en, in);
	volume_fields(&en, in);
	if (in->kek)
		kek_fields(&en, in->kek);
	if (a->to_stderr)
		dprintf(STDERR_FILENO, "%s: %s\n", a->program, message);
	tell_lost(a);
	if (hand_over(a, &en))
		return;
	/* Without a journal at all, as in a container, nothing is lost. */
	if (errno == ENOENT && a->to_stderr)
		return;
	a->lost++;
}

void cmk_audit_write(struct cmk_audit *a, const struct cmk_audit_entry *en,
		     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vwrite(a, en, fmt, ap);
	va_end(ap);
}

void cmk_audit_log(struct cmk_audit *a, int priority, const char *fmt, ...)
{
	struct cmk_audit_entry en = {
		.event = CMK_AUDIT_LOG,
		.priority = priority,
	};
	va_list ap;

	va_start(ap, fmt);
	vwrite(a, &en, fmt, ap);
	va_end(ap);
}

uint64_t cmk_audit_lost(const struct cmk_audit *a)
{
	return a->lost;
}

int cmk_audit_new(struct cmk_audit **ret, const char *program, bool to_stderr)
{
	struct cmk_audit *a = calloc(1, sizeof(*a));
	int on = 1 << 20;

	if (!a)
		return -ENOMEM;
	a->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0) {
		free(a);
		return -errno;
	}
	setsockopt(a->fd, SOL_SOCKET, SO_SNDBUF, &on, sizeof(on));
	a->program = program;
	a->numbered = !strcmp(program, "cmkd");
	a->to_stderr = to_stderr;
	*ret = a;
	return 0;
}

void cmk_audit_free(struct cmk_audit *a)
{
	if (!a)
		return;
	close(a->fd);
	free(a);
}
