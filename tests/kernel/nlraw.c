// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that no client of ours would send: each command of the family with
 * each attribute missing, given twice, too long, too short; headers cut short;
 * unknown commands and attributes.
 *
 *	nlraw UUID: tries all on a socket of its own, prints a line for each
 *		    and ends with 1 when one was not refused with a text
 *	nlraw UUID unprivileged: each command as it is right; each must be EPERM
 *
 * The socket is bound first unless unprivileged, so that nothing is refused
 * only for want of the right.
 */

#include <errno.h>
#include <linux/cmk.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uuid/uuid.h>

#define SPACE 4096

struct msg {
	_Alignas(4) unsigned char buf[SPACE];
	size_t len;
};

/* One attribute as it is right; @len bytes of @data. */
struct attr {
	uint16_t type;
	const void *data;
	size_t len;
};

static int sock;
static uint16_t family;
static unsigned int bad;
static unsigned char uuid[16];

static void put(struct msg *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_type = type, .nla_len = NLA_HDRLEN + len };

	memcpy(m->buf + m->len, &a, sizeof(a));
	if (len)
		memcpy(m->buf + m->len + NLA_HDRLEN, data, len);
	m->len += NLA_ALIGN(a.nla_len);
}

static void begin(struct msg *m, uint16_t type, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr h = {
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
	};
	struct genlmsghdr g = { .cmd = cmd, .version = 1 };

	memset(m, 0, sizeof(*m));
	memcpy(m->buf, &h, sizeof(h));
	memcpy(m->buf + NLMSG_HDRLEN, &g, sizeof(g));
	m->len = NLMSG_HDRLEN + GENL_HDRLEN;
}

/* Is there a text, or the type of the missing attribute, with the error? */
static bool explained(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	size_t at = NLMSG_HDRLEN + sizeof(*e);
	const struct nlattr *a;

	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += NLMSG_ALIGN(e->msg.nlmsg_len - NLMSG_HDRLEN);
	while (at + NLA_HDRLEN <= h->nlmsg_len) {
		a = (const void *)((const char *)h + at);
		if ((a->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG)
			return true;
		at += NLA_ALIGN(a->nla_len);
	}
	return false;
}

/* Sends; the error of the answer, 0 for none, 1 when it has no text. */
static int send_it(struct msg *m)
{
	struct nlmsghdr *h = (struct nlmsghdr *)m->buf;
	_Alignas(4) unsigned char answer[8192];
	const struct nlmsgerr *e;
	ssize_t n;

	h->nlmsg_len = m->len;
	h->nlmsg_seq++;
	if (send(sock, m->buf, m->len, 0) < 0)
		return -errno;
	for (;;) {
		n = recv(sock, answer, sizeof(answer), 0);
		if (n < NLMSG_HDRLEN)
			return -EPROTO;
		h = (struct nlmsghdr *)answer;
		if (h->nlmsg_type == NLMSG_DONE)
			return *(int *)NLMSG_DATA(h);
		if (h->nlmsg_type == NLMSG_ERROR)
			break;
	}
	e = NLMSG_DATA(h);
	return e->error && !explained(h) ? 1 : e->error;
}

static void expect_refusal(const char *what, uint8_t cmd, unsigned int type,
			   struct msg *m)
{
	int r = send_it(m);

	printf("%-10s command %u attribute %u: %s\n", what, cmd, type,
	       r == 1 ? "NO TEXT" : r ? strerrorname_np(-r) : "ACCEPTED");
	bad += r >= 0;
}

/* All attributes but @skip; @twice is given again. */
static void build(struct msg *m, uint8_t cmd, uint16_t flags,
		  const struct attr *attrs, int skip, int twice)
{
	int i;

	begin(m, family, cmd, flags);
	for (i = 0; attrs[i].type; i++) {
		if (i != skip)
			put(m, attrs[i].type, attrs[i].data, attrs[i].len);
		if (i == twice)
			put(m, attrs[i].type, attrs[i].data, attrs[i].len);
	}
}

static void mangle(uint8_t cmd, uint16_t flags, const struct attr *attrs,
		   unsigned int needed)
{
	static const unsigned char junk[1024];
	struct msg m;
	int i;

	for (i = 0; attrs[i].type; i++) {
		if (needed & (1u << i)) {
			build(&m, cmd, flags, attrs, i, -1);
			expect_refusal("missing", cmd, attrs[i].type, &m);
		}
		if (!(flags & NLM_F_DUMP)) {
			build(&m, cmd, flags, attrs, -1, i);
			expect_refusal("twice", cmd, attrs[i].type, &m);
		}
		build(&m, cmd, flags, attrs, i, -1);
		put(&m, attrs[i].type, junk, sizeof(junk));
		expect_refusal("too long", cmd, attrs[i].type, &m);
		/* A flag has no length, and one NUL is a good string. */
		if (!attrs[i].len || attrs[i].type == CMK_A_MAIN_REASON)
			continue;
		build(&m, cmd, flags, attrs, i, -1);
		put(&m, attrs[i].type, junk, 1);
		expect_refusal("too short", cmd, attrs[i].type, &m);
	}
	build(&m, cmd, flags, attrs, -1, -1);
	put(&m, CMK_A_MAIN_MAX + 1, junk, 4);
	expect_refusal("unknown", cmd, CMK_A_MAIN_MAX + 1, &m);
}

static uint16_t resolve(void)
{
	_Alignas(4) unsigned char answer[8192];
	const struct nlattr *a;
	struct msg m;
	ssize_t n, at;

	begin(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	put(&m, CTRL_ATTR_FAMILY_NAME, CMK_FAMILY_NAME,
	    sizeof(CMK_FAMILY_NAME));
	((struct nlmsghdr *)m.buf)->nlmsg_len = m.len;
	((struct nlmsghdr *)m.buf)->nlmsg_flags = NLM_F_REQUEST;
	if (send(sock, m.buf, m.len, 0) < 0)
		return 0;
	n = recv(sock, answer, sizeof(answer), 0);
	for (at = NLMSG_HDRLEN + GENL_HDRLEN; at + NLA_HDRLEN <= n;
	     at += NLA_ALIGN(a->nla_len)) {
		a = (const void *)(answer + at);
		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(const uint16_t *)(a + 1);
	}
	return 0;
}

static const uint64_t never = 1ULL << 40, open_;
static const uint32_t zero, one = 1, ttl = 60, size = 4096;
/* The attributes inside of CMK_A_MAIN_KEY: epoch, counter and data. */
#define KEY_LEN		(2 * (NLA_HDRLEN + 8) + NLA_HDRLEN + 80)
static struct msg one_key;

#define UUID		{ CMK_A_MAIN_UUID, uuid, 16 }
#define LEASE		{ CMK_A_MAIN_LEASE_TTL, &ttl, 4 }, \
			{ CMK_A_MAIN_LAPSE, &zero, 4 }, \
			{ CMK_A_MAIN_NOT_AFTER, &never, 8 }
#define RANGE		{ CMK_A_MAIN_RANGE, &zero, 4 }
#define END		{ 0, NULL, 0 }

static const struct attr volume[] = { UUID, END };
static const struct attr lease[] = { UUID, LEASE, END };
static const struct attr restore[] = {
	UUID, LEASE, { CMK_A_MAIN_CLOSING, &open_, 8 },
	{ CMK_A_MAIN_ADMIN, NULL, 0 }, END
};

static const struct attr close_[] = {
	UUID, { CMK_A_MAIN_ACTOR, &one, 4 }, { CMK_A_MAIN_CAUSE, &one, 4 },
	{ CMK_A_MAIN_REASON, "why", 4 }, END
};

/* The base point of P-256: a good key, of whom everybody knows the private. */
static const unsigned char base_point[CMK_PUBLIC_KEY_LEN] = {
	0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47,
	0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
	0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
	0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
	0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b,
	0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
	0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
	0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

static const struct attr bind_[] = {
	{ CMK_A_MAIN_VERSION, &one, 4 },
	{ CMK_A_MAIN_PUBLIC_KEY, base_point, sizeof(base_point) }, END
};

static const struct attr drop[] = { UUID, RANGE, END };
static const struct attr benchmark[] = {
	{ CMK_A_MAIN_SECTOR_SIZE, &size, 4 }, END
};

static const struct attr key[] = {
	UUID, RANGE, { CMK_A_MAIN_GENERATION, &one, 4 },
	{ CMK_A_MAIN_KEY | NLA_F_NESTED, one_key.buf, KEY_LEN }, END
};

#define REKEY		UUID, RANGE, { CMK_A_MAIN_RUN, "0123456789abcdef", 16 }, \
			{ CMK_A_MAIN_HEADER_SEQ, &never, 8 }, \
			{ CMK_A_MAIN_MAC_KEY | NLA_F_NESTED, one_key.buf, \
			  KEY_LEN }
#define LIMITS		{ CMK_A_MAIN_BANDWIDTH, &size, 4 }, \
			{ CMK_A_MAIN_DUTY, &ttl, 4 }

static const struct attr rekey_done[] = { REKEY, END };
static const struct attr rekey_resume[] = { UUID, LIMITS, END };
static const struct attr rekey_start[] = {
	REKEY, { CMK_A_MAIN_OLD_GENERATION, &one, 4 },
	{ CMK_A_MAIN_GENERATION, &ttl, 4 },
	{ CMK_A_MAIN_KEY | NLA_F_NESTED, one_key.buf, KEY_LEN },
	{ CMK_A_MAIN_OLD_KEY | NLA_F_NESTED, one_key.buf, KEY_LEN },
	{ CMK_A_MAIN_RESUME, NULL, 0 }, { CMK_A_MAIN_PAUSED, NULL, 0 },
	LIMITS, END
};

static void nested_keys(void)
{
	static const char * const what[] = {
		"no epoch", "no counter", "no data", "twice", "bad epoch",
		"short", "long", "empty", "no session",
	};
	unsigned char data[81] = { 1, 2, 3 };
	uint64_t number = 1;
	struct msg m, k;
	unsigned int i;

	for (i = 0; i < sizeof(what) / sizeof(*what); i++) {
		memset(&k, 0, sizeof(k));
		if (i != 0 && i != 7)
			put(&k, CMK_A_KEY_EPOCH, &number, i == 4 ? 4 : 8);
		if (i != 1 && i != 7)
			put(&k, CMK_A_KEY_COUNTER, &number, 8);
		if (i == 3)
			put(&k, CMK_A_KEY_COUNTER, &number, 8);
		if (i != 2 && i != 7)
			put(&k, CMK_A_KEY_DATA, data, i == 5 ? 79 :
			    i == 6 ? 81 : 80);
		build(&m, CMK_CMD_KEY_SET, 0, key, 3, -1);
		put(&m, CMK_A_MAIN_KEY | NLA_F_NESTED, k.buf, k.len);
		expect_refusal(what[i], CMK_CMD_KEY_SET, CMK_A_MAIN_KEY, &m);
	}
}

static void bind_key(const char *what, const unsigned char *point)
{
	struct msg m;

	build(&m, CMK_CMD_BIND, 0, bind_, 1, -1);
	put(&m, CMK_A_MAIN_PUBLIC_KEY, point, CMK_PUBLIC_KEY_LEN);
	expect_refusal(what, CMK_CMD_BIND, CMK_A_MAIN_PUBLIC_KEY, &m);
}

/* The last one is good, so that the others are not refused for all the same. */
static void public_keys(void)
{
	unsigned char point[CMK_PUBLIC_KEY_LEN] = { 0 };
	struct msg m;
	int r;

	bind_key("zero", point);
	memset(point, 0xff, sizeof(point));
	bind_key("above p", point);
	memcpy(point, base_point, sizeof(point));
	point[sizeof(point) - 1] ^= 1;
	bind_key("no point", point);
	build(&m, CMK_CMD_BIND, 0, bind_, -1, -1);
	r = send_it(&m);
	printf("the base point: %s\n", r ? "REFUSED" : "accepted");
	bad += r != 0;
}

static void make_key(void)
{
	unsigned char data[80];
	uint64_t number = 1;
	int i;

	for (i = 0; i < 80; i++)
		data[i] = i;
	put(&one_key, CMK_A_KEY_EPOCH, &number, 8);
	put(&one_key, CMK_A_KEY_COUNTER, &number, 8);
	put(&one_key, CMK_A_KEY_DATA, data, 80);
}

static void refuse_all(void)
{
	struct msg m;

	mangle(CMK_CMD_BIND, 0, bind_, 0);
	mangle(CMK_CMD_VOLUME_GET, 0, volume, 1);
	mangle(CMK_CMD_RANGE_GET, NLM_F_DUMP, volume, 1);
	mangle(CMK_CMD_KEY_SET, 0, key, 15);
	nested_keys();
	public_keys();
	mangle(CMK_CMD_KEY_DROP, 0, drop, 1);
	mangle(CMK_CMD_LEASE_RENEW, 0, lease, 15);
	mangle(CMK_CMD_HOLD, 0, close_, 7);
	mangle(CMK_CMD_REVOKE, 0, close_, 7);
	mangle(CMK_CMD_RESTORE, 0, restore, 31);
	mangle(CMK_CMD_BENCHMARK, 0, benchmark, 1);
	mangle(CMK_CMD_REKEY_START, 0, rekey_start, 0xff);
	mangle(CMK_CMD_REKEY_PAUSE, 0, volume, 1);
	mangle(CMK_CMD_REKEY_RESUME, 0, rekey_resume, 1);
	mangle(CMK_CMD_REKEY_DONE, 0, rekey_done, 0x1f);
	begin(&m, family, CMK_CMD_MAX + 1, 0);
	/* genl core's own refusal, without a text. */
	bad += send_it(&m) == 0;
	begin(&m, family, CMK_CMD_KEY_WANTED, 0);
	bad += send_it(&m) == 0;
}

static void unprivileged(void)
{
	static const struct {
		uint8_t cmd;
		uint16_t flags;
		const struct attr *attrs;
	} all[] = {
		{ CMK_CMD_VOLUME_GET, 0, volume },
		{ CMK_CMD_VOLUME_GET, NLM_F_DUMP, &volume[1] },
		{ CMK_CMD_RANGE_GET, NLM_F_DUMP, volume },
		{ CMK_CMD_KEY_SET, 0, key },
		{ CMK_CMD_KEY_DROP, 0, drop },
		{ CMK_CMD_LEASE_RENEW, 0, lease },
		{ CMK_CMD_HOLD, 0, close_ },
		{ CMK_CMD_REVOKE, 0, close_ },
		{ CMK_CMD_RESTORE, 0, restore },
		{ CMK_CMD_BENCHMARK, 0, benchmark },
		{ CMK_CMD_BIND, 0, bind_ },
		{ CMK_CMD_REKEY_START, 0, rekey_start },
		{ CMK_CMD_REKEY_PAUSE, 0, volume },
		{ CMK_CMD_REKEY_RESUME, 0, rekey_resume },
		{ CMK_CMD_REKEY_DONE, 0, rekey_done },
	};
	struct msg m;
	unsigned int i;
	int r;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		build(&m, all[i].cmd, all[i].flags, all[i].attrs, -1, -1);
		r = send_it(&m);
		printf("unprivileged command %u: %s\n", all[i].cmd,
		       r == 1 ? "NO TEXT" : r ? strerrorname_np(-r) :
		       "ACCEPTED");
		bad += r != -EPERM;
	}
}

int main(int argc, char **argv)
{
	int on = 1;
	struct msg m;

	if (argc < 2 || uuid_parse(argv[1], uuid))
		return 2;
	sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	setsockopt(sock, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(sock, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	family = resolve();
	if (!family) {
		fputs("nlraw: no family cmk\n", stderr);
		return 1;
	}
	make_key();
	if (argc > 2) {
		unprivileged();
		return !!bad;
	}
	begin(&m, family, CMK_CMD_BIND, 0);
	if (send_it(&m)) {
		fputs("nlraw: cannot bind\n", stderr);
		return 1;
	}
	refuse_all();
	return !!bad;
}
