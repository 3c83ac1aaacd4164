// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the two netlink sockets of a connection to the family "cmk": one that
 * carries commands, one after the other, and one that receives events.  All
 * knowledge of libnl is here; what a message means is in
 * Documentation/netlink/specs/cmk.yaml.
 *
 * Replies are matched by sequence number, so that the late answer to a
 * command that timed out is not taken for the next one's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "netlink-names.h"
#include "netlink-wire.h"

#define MESSAGE_SIZE	1024	/* the longest request fits twice */
#define REPLY_SECONDS	5
#define EVENT_BUFFER	(1 << 20)
#define EVENT_BATCH	256	/* then the caller's loop turns once */

/* One command and what came back. */
struct cmk_request {
	struct cmk_nl *nl;
	struct nl_msg *msg;
	struct nlattr *nest;
	cmk_reply_t take;
	void *arg;
	bool put_failed;
	bool done;
	bool interrupted;		/* the dumped list changed */
	int err;
	char text[256];
};

static int parse(struct nl_msg *msg, struct nlattr **attrs)
{
	return genlmsg_parse(nlmsg_hdr(msg), 0, attrs, CMK_A_MAIN_MAX, NULL);
}

static uint32_t u32_of(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
}

uint32_t cmk_attr_u32(struct nlattr **attrs, int type)
{
	return u32_of(attrs[type]);
}

uint64_t cmk_attr_u64(struct nlattr **attrs, int type)
{
	struct nlattr *attr = attrs[type];

	return attr && nla_len(attr) >= 8 ? nla_get_u64(attr) : 0;
}

void cmk_attr_bytes(struct nlattr **attrs, int type, void *ret, size_t len)
{
	memset(ret, 0, len);
	if (attrs[type])
		nla_memcpy(ret, attrs[type], len);
}

void cmk_attr_text(struct nlattr **attrs, int type, char *ret, size_t size)
{
	*ret = '\0';
	if (attrs[type])
		nla_strlcpy(ret, attrs[type], size);
}

/* Nobody but the kernel may speak on these sockets. */
static bool from_kernel(struct nl_msg *msg)
{
	return nlmsg_get_src(msg)->nl_pid == 0;
}

/*
 * Requests
 */

struct cmk_request *cmk_request_new(struct cmk_nl *nl, enum cmk_cmd cmd,
				    bool dump)
{
	struct cmk_request *req = calloc(1, sizeof(*req));

	if (!req)
		return NULL;
	req->nl = nl;
	req->msg = nlmsg_alloc_size(MESSAGE_SIZE);
	if (!req->msg ||
	    !genlmsg_put(req->msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0,
			 dump ? NLM_F_DUMP : 0, cmd, CMK_FAMILY_VERSION))
		cmk_request_free(&req);
	return req;
}

void cmk_request_free(struct cmk_request **req)
{
	struct nl_msg *msg = *req ? (*req)->msg : NULL;

	if (msg) {
		cmk_wipe(nlmsg_hdr(msg), nlmsg_get_max_size(msg));
		nlmsg_free(msg);
	}
	free(*req);
	*req = NULL;
}

void cmk_request_put(struct cmk_request *req, int type, const void *data,
		     size_t len)
{
	if (req && nla_put(req->msg, type, len, data) < 0)
		req->put_failed = true;
}

void cmk_request_put_u32(struct cmk_request *req, int type, uint32_t value)
{
	cmk_request_put(req, type, &value, sizeof(value));
}

void cmk_request_nest(struct cmk_request *req, int type)
{
	if (!req)
		return;
	req->nest = nla_nest_start(req->msg, type | NLA_F_NESTED);
	if (!req->nest)
		req->put_failed = true;
}

void cmk_request_nest_end(struct cmk_request *req)
{
	if (req && req->nest)
		nla_nest_end(req->msg, req->nest);
}

/*
 * Answers
 */

static bool is_key(int type)
{
	return type == CMK_A_MAIN_KEY || type == CMK_A_MAIN_OLD_KEY ||
	       type == CMK_A_MAIN_MAC_KEY;
}

/* The name of the attribute of the request that starts at @offset. */
static const char *attr_at(struct nl_msg *msg, uint32_t offset)
{
	char *start = (char *)nlmsg_hdr(msg);
	struct genlmsghdr *gnlh = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attr;
	uint32_t at;
	int left;

	nla_for_each_attr(attr, genlmsg_attrdata(gnlh, 0),
			  genlmsg_attrlen(gnlh, 0), left) {
		at = (char *)attr - start;
		if (at == offset)
			return cmk_attr_name(nla_type(attr));
		if (is_key(nla_type(attr)) && offset > at &&
		    offset < at + nla_len(attr)) {
			attr = (struct nlattr *)(start + offset);
			return cmk_key_attr_name(nla_type(attr));
		}
	}
	return NULL;
}

/* What the kernel says about a failure, after @offset bytes of payload. */
static void take_extack(struct cmk_request *req, struct nlmsghdr *nlh,
			int offset)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1], *msg, *bad, *missing;
	const char *name = NULL;
	int len = nlmsg_datalen(nlh) - offset;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || len < 0 ||
	    nla_parse(tb, NLMSGERR_ATTR_MAX,
		      (struct nlattr *)((char *)nlmsg_data(nlh) + offset), len,
		      NULL) < 0)
		return;
	msg = tb[NLMSGERR_ATTR_MSG];
	bad = tb[NLMSGERR_ATTR_OFFS];
	missing = tb[NLMSGERR_ATTR_MISS_TYPE];

	if (bad)
		name = attr_at(req->msg, u32_of(bad));
	else if (missing && tb[NLMSGERR_ATTR_MISS_NEST])
		name = cmk_key_attr_name(u32_of(missing));
	else if (missing)
		name = cmk_attr_name(u32_of(missing));
	snprintf(req->text, sizeof(req->text), "%.*s%s%s%s%s",
		 msg ? nla_len(msg) : 64,
		 msg ? (char *)nla_data(msg) :
		       cmk_errno_meaning(req->err)->text,
		 name ? " (" : "", !bad && name ? "missing " : "",
		 name ? name : "", name ? ")" : "");
}

static int on_error(struct sockaddr_nl *src, struct nlmsgerr *nlerr, void *arg)
{
	struct nlmsghdr *nlh = (void *)((char *)nlerr - NLMSG_HDRLEN);
	struct cmk_request *req = arg;
	int offset = sizeof(*nlerr);

	req->err = nlerr->error;
	req->done = true;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		offset += NLMSG_ALIGN(nlerr->msg.nlmsg_len) - NLMSG_HDRLEN;
	take_extack(req, nlh, offset);
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct cmk_request *req = arg;

	req->done = true;
	return NL_STOP;
}

/* The end of a dump carries the error of a dump that failed. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct cmk_request *req = arg;
	int err;

	req->done = true;
	if (nlmsg_datalen(nlh) < (int)sizeof(err))
		return NL_STOP;
	memcpy(&err, nlmsg_data(nlh), sizeof(err));
	if (err < 0) {
		req->err = err;
		take_extack(req, nlh, sizeof(err));
	}
	return NL_STOP;
}

static int on_reply(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[CMK_A_MAIN_MAX + 1];
	struct cmk_request *req = arg;

	if (!req->take || req->err)
		return NL_OK;
	if (parse(msg, attrs) < 0)
		req->err = -EPROTO;
	else
		req->err = req->take(attrs, req->arg);
	return NL_OK;
}

static int on_sequence(struct nl_msg *msg, void *arg)
{
	struct cmk_request *req = arg;

	if (!from_kernel(msg) ||
	    nlmsg_hdr(msg)->nlmsg_seq != nlmsg_hdr(req->msg)->nlmsg_seq)
		return NL_SKIP;
	return NL_OK;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct cmk_request *req = arg;

	req->interrupted = true;
	return NL_OK;
}

static int receive(struct cmk_request *req)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r = 0;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_reply, req);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, req);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, req);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, req);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, req);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, req);

	while (!req->done && r >= 0)
		r = nl_recvmsgs(req->nl->cmd, cb);
	nl_cb_put(cb);
	if (req->done)
		return req->err;
	return r == -NLE_AGAIN ? -ETIMEDOUT : -EIO;
}

static int transact(struct cmk_request *req)
{
	req->done = false;
	req->interrupted = false;
	req->err = 0;
	nlmsg_hdr(req->msg)->nlmsg_seq = NL_AUTO_SEQ;
	/*
	 * The kernel does its work inside this call; the time-out is for its
	 * answer alone.
	 */
	if (nl_send_auto(req->nl->cmd, req->msg) < 0)
		return -EIO;
	return receive(req);
}

int cmk_request_send(struct cmk_request *req, cmk_reply_t take, void *arg,
		     struct cmk_error *e)
{
	const struct cmk_errno_meaning *m;
	const char *text = "";
	int r;

	if (!req) {
		r = -ENOMEM;
	} else if (req->put_failed) {
		r = -EMSGSIZE;
	} else {
		req->take = take;
		req->arg = arg;
		r = transact(req);
		text = req->text;
		if (r == 0 && req->interrupted)
			r = -EAGAIN;
	}
	if (r >= 0)
		return 0;
	m = cmk_errno_meaning(r);
	return cmk_error_set(e, m->status, r, m->code, "kernel: %s",
			     *text ? text : m->text);
}

/*
 * Connection
 */

static struct nl_sock *connect_socket(void)
{
	struct timeval timeout = { .tv_sec = REPLY_SECONDS };
	struct nl_sock *sk = nl_socket_alloc();
	int one = 1, fd;

	if (!sk)
		return NULL;
	if (genl_connect(sk) < 0)
		goto fail;
	fd = nl_socket_get_fd(sk);
	/*
	 * Without CAP_ACK a refusal would send the request back.  Without
	 * EXT_ACK it would have no text.
	 */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one,
		       sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one,
		       sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)) < 0)
		goto fail;
	return sk;
fail:
	nl_socket_free(sk);
	return NULL;
}

int cmk_nl_open(struct cmk_nl **ret, struct cmk_error *e)
{
	struct cmk_nl *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "out of memory");
	nl->cmd = connect_socket();
	if (!nl->cmd) {
		cmk_nl_close(nl);
		return cmk_error_set(e, CMK_FAILED, -EIO, "netlink",
				     "cannot open a netlink socket");
	}
	/* The kernel loads the module when nobody has the family yet. */
	nl->family = genl_ctrl_resolve(nl->cmd, CMK_FAMILY_NAME);
	if (nl->family < 0) {
		cmk_nl_close(nl);
		return cmk_error_set(e, CMK_UNSUITABLE, -ENOENT, "no-module",
				     "dm-cmk is not loaded; modprobe dm-cmk");
	}
	*ret = nl;
	return 0;
}

void cmk_nl_close(struct cmk_nl *nl)
{
	if (!nl)
		return;
	cmk_seal_end(&nl->seal);
	nl_socket_free(nl->cmd);
	nl_socket_free(nl->events);
	free(nl);
}

/*
 * Events
 */

struct event_reader {
	cmk_event_reply_t take;
	void *arg;
};

static int on_event(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[CMK_A_MAIN_MAX + 1];
	struct event_reader *reader = arg;

	/* One that cannot be read shows as a gap in the sequence. */
	if (parse(msg, attrs) == 0)
		reader->take(genlmsg_hdr(nlmsg_hdr(msg))->cmd, attrs,
			     reader->arg);
	return NL_OK;
}

static int on_event_source(struct nl_msg *msg, void *arg)
{
	return from_kernel(msg) ? NL_OK : NL_SKIP;
}

int cmk_wire_subscribe(struct cmk_nl *nl)
{
	struct nl_sock *sk;
	int group;

	group = genl_ctrl_resolve_grp(nl->cmd, CMK_FAMILY_NAME,
				      CMK_MCGRP_EVENTS);
	if (group < 0)
		return -ENOENT;
	sk = connect_socket();
	if (!sk)
		return -EIO;
	nl_socket_set_buffer_size(sk, EVENT_BUFFER, 0);
	if (nl_socket_set_nonblocking(sk) < 0 ||
	    nl_socket_add_membership(sk, group) < 0) {
		nl_socket_free(sk);
		return -EIO;
	}
	nl_socket_free(nl->events);
	nl->events = sk;
	return 0;
}

int cmk_wire_read_events(struct cmk_nl *nl, cmk_event_reply_t take, void *arg)
{
	struct event_reader reader = { take, arg };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r = 0, i;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_event, &reader);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_event_source, NULL);
	for (i = 0; i < EVENT_BATCH && r >= 0; i++)
		r = nl_recvmsgs(nl->events, cb);
	nl_cb_put(cb);
	if (r == -NLE_NOMEM)	/* libnl's word for ENOBUFS */
		return -ENOBUFS;
	return r >= 0 || r == -NLE_AGAIN ? 0 : -EIO;
}

int cmk_nl_event_fd(struct cmk_nl *nl)
{
	return nl->events ? nl_socket_get_fd(nl->events) : -EBADF;
}
