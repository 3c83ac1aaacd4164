// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the reading of events: one struct for each message of the group
 * "events", and CMK_NL_LOST whenever the sequence shows that some did not
 * arrive.  An event is a hint; after a loss the caller dumps.
 */
#include <errno.h>

#include "netlink-wire.h"

struct reader {
	struct cmk_nl *nl;
	cmk_nl_event_t cb;
	void *userdata;
};

int cmk_nl_subscribe(struct cmk_nl *nl, struct cmk_error *e)
{
	int r = cmk_wire_subscribe(nl);

	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "netlink",
				     "cannot join the events of dm-cmk");
	return 0;
}

static void tell_lost(struct reader *reader)
{
	struct cmk_nl_event ev = { .type = CMK_NL_LOST };

	reader->cb(&ev, reader->userdata);
}

/* Numbers wrap around; one from before the bind is old, not a gap. */
static void check_sequence(struct reader *reader, uint32_t seq)
{
	struct cmk_nl *nl = reader->nl;
	int32_t step = seq - nl->event_seq;

	if (nl->event_seq_known && step <= 0)
		return;
	if (nl->event_seq_known && step > 1)
		tell_lost(reader);
	nl->event_seq = seq;
	nl->event_seq_known = true;
}

static void parse_speed(struct nlattr **attrs, struct cmk_nl_speed *speed)
{
	speed->sector_size = cmk_attr_u32(attrs, CMK_A_MAIN_SECTOR_SIZE);
	cmk_attr_text(attrs, CMK_A_MAIN_DRIVER, speed->driver,
		      sizeof(speed->driver));
	speed->cipher_encrypt = cmk_attr_u64(attrs, CMK_A_MAIN_CIPHER_ENCRYPT);
	speed->cipher_decrypt = cmk_attr_u64(attrs, CMK_A_MAIN_CIPHER_DECRYPT);
	speed->volume_encrypt = cmk_attr_u64(attrs, CMK_A_MAIN_VOLUME_ENCRYPT);
	speed->volume_decrypt = cmk_attr_u64(attrs, CMK_A_MAIN_VOLUME_DECRYPT);
}

static void on_event(uint8_t cmd, struct nlattr **attrs, void *arg)
{
	struct cmk_nl_event ev = { 0 };
	struct reader *reader = arg;

	switch (cmd) {
	case CMK_CMD_KEY_WANTED:
		ev.type = CMK_NL_KEY_WANTED;
		break;
	case CMK_CMD_STATE_CHANGED:
		ev.type = CMK_NL_STATE_CHANGED;
		break;
	case CMK_CMD_REKEY_CHANGED:
		ev.type = CMK_NL_REKEY_CHANGED;
		break;
	case CMK_CMD_UNBOUND:
		ev.type = CMK_NL_UNBOUND;
		break;
	case CMK_CMD_BENCHMARK_DONE:
		ev.type = CMK_NL_BENCHMARK;
		parse_speed(attrs, &ev.speed);
		break;
	default:		/* of a newer module; its number still counts */
		check_sequence(reader, cmk_attr_u32(attrs, CMK_A_MAIN_SEQ));
		return;
	}
	ev.seq = cmk_attr_u32(attrs, CMK_A_MAIN_SEQ);
	cmk_attr_bytes(attrs, CMK_A_MAIN_UUID, ev.uuid, sizeof(ev.uuid));
	ev.wanted = cmk_attr_u32(attrs, CMK_A_MAIN_WANTED);
	ev.gate = cmk_attr_u32(attrs, CMK_A_MAIN_GATE);
	ev.cause = cmk_attr_u32(attrs, CMK_A_MAIN_CAUSE);
	ev.sticky = attrs[CMK_A_MAIN_STICKY];
	check_sequence(reader, ev.seq);
	reader->cb(&ev, reader->userdata);
}

int cmk_nl_read_events(struct cmk_nl *nl, cmk_nl_event_t cb, void *userdata)
{
	struct reader reader = { nl, cb, userdata };
	int r;

	r = cmk_wire_read_events(nl, on_event, &reader);
	if (r == -ENOBUFS) {
		tell_lost(&reader);
		return 0;
	}
	return r;
}
