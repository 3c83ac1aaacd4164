// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the words of Documentation/netlink/specs/cmk.yaml that people read:
 * gates, causes, attributes, and the meaning of each errno of the family.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <linux/cmk.h>

#include "netlink-names.h"
#include "netlink.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const gates[] = {
	[CMK_GATE_OPEN] = "open",
	[CMK_GATE_HELD] = "held",
	[CMK_GATE_REVOKED] = "revoked",
};

static const char *const causes[] = {
	[CMK_CAUSE_NONE] = "none",
	[CMK_CAUSE_ADMIN] = "admin",
	[CMK_CAUSE_KEK_DELETED] = "kek-deleted",
	[CMK_CAUSE_KEK_DISABLED] = "kek-disabled",
	[CMK_CAUSE_KEK_EXPIRED] = "kek-expired",
	[CMK_CAUSE_NO_PERMISSION] = "no-permission",
	[CMK_CAUSE_LEASE] = "lease",
	[CMK_CAUSE_GRACE] = "grace",
	[CMK_CAUSE_HOLD_TIMEOUT] = "hold-timeout",
	[CMK_CAUSE_VM_FORK] = "vm-fork",
	[CMK_CAUSE_SLEEP] = "sleep",
};

static const char *const rekey_states[] = {
	[CMK_REKEY_STATE_NONE] = "none",
	[CMK_REKEY_STATE_PENDING] = "pending",
	[CMK_REKEY_STATE_ARMED] = "armed",
	[CMK_REKEY_STATE_RUNNING] = "running",
	[CMK_REKEY_STATE_PAUSED] = "paused",
	[CMK_REKEY_STATE_COMPLETE] = "complete",
};

static const char *const attrs[] = {
	[CMK_A_MAIN_UUID] = "uuid",
	[CMK_A_MAIN_MAJOR] = "major",
	[CMK_A_MAIN_MINOR] = "minor",
	[CMK_A_MAIN_GATE] = "gate",
	[CMK_A_MAIN_CAUSE] = "cause",
	[CMK_A_MAIN_STICKY] = "sticky",
	[CMK_A_MAIN_ACTOR] = "actor",
	[CMK_A_MAIN_REASON] = "reason",
	[CMK_A_MAIN_ADMIN] = "admin",
	[CMK_A_MAIN_RANGES] = "ranges",
	[CMK_A_MAIN_RANGE_SECTORS] = "range-sectors",
	[CMK_A_MAIN_SECTORS] = "sectors",
	[CMK_A_MAIN_SECTOR_SIZE] = "sector-size",
	[CMK_A_MAIN_LIVE] = "live",
	[CMK_A_MAIN_WANTED] = "wanted",
	[CMK_A_MAIN_PARKED] = "parked",
	[CMK_A_MAIN_DRIVER] = "driver",
	[CMK_A_MAIN_KEY_BYTES] = "key-bytes",
	[CMK_A_MAIN_NO_LEASE] = "no-lease",
	[CMK_A_MAIN_LEASE_TTL] = "lease-ttl",
	[CMK_A_MAIN_LEASE_LEFT_MS] = "lease-left-ms",
	[CMK_A_MAIN_LAPSE] = "lapse",
	[CMK_A_MAIN_RANGE] = "range",
	[CMK_A_MAIN_COUNT] = "count",
	[CMK_A_MAIN_STATE] = "state",
	[CMK_A_MAIN_GENERATION] = "generation",
	[CMK_A_MAIN_WANTED_ONLY] = "wanted-only",
	[CMK_A_MAIN_KEY] = "key",
	[CMK_A_MAIN_SEQ] = "seq",
	[CMK_A_MAIN_EPOCH] = "epoch",
	[CMK_A_MAIN_FEATURES] = "features",
	[CMK_A_MAIN_VERSION] = "version",
	[CMK_A_MAIN_NOT_AFTER] = "not-after",
	[CMK_A_MAIN_KEEP_ASLEEP] = "keep-asleep",
	[CMK_A_MAIN_PUBLIC_KEY] = "public-key",
	[CMK_A_MAIN_REKEY_STATE] = "rekey-state",
	[CMK_A_MAIN_REKEY_RANGE] = "rekey-range",
	[CMK_A_MAIN_REKEY_DONE] = "rekey-done",
	[CMK_A_MAIN_REKEY_SECTORS] = "rekey-sectors",
	[CMK_A_MAIN_REKEY_ERROR] = "rekey-error",
	[CMK_A_MAIN_REKEY_SECTOR] = "rekey-sector",
	[CMK_A_MAIN_RUN] = "run",
	[CMK_A_MAIN_OLD_GENERATION] = "old-generation",
	[CMK_A_MAIN_OLD_KEY] = "old-key",
	[CMK_A_MAIN_MAC_KEY] = "mac-key",
	[CMK_A_MAIN_HEADER_SEQ] = "header-seq",
	[CMK_A_MAIN_RESUME] = "resume",
	[CMK_A_MAIN_PAUSED] = "paused",
	[CMK_A_MAIN_BANDWIDTH] = "bandwidth",
	[CMK_A_MAIN_DUTY] = "duty",
	[CMK_A_MAIN_CLOSING] = "closing",
};

static const char *const key_attrs[] = {
	[CMK_A_KEY_EPOCH] = "key.epoch",
	[CMK_A_KEY_COUNTER] = "key.counter",
	[CMK_A_KEY_DATA] = "key.data",
};

static const struct cmk_errno_meaning meanings[] = {
	{ -EPERM, CMK_NOT_PERMITTED, "not-permitted",
	  "not permitted; this needs CAP_SYS_ADMIN" },
	{ -EACCES, CMK_NOT_PERMITTED, "not-permitted", "not permitted" },
	{ -ENODEV, CMK_UNSUITABLE, "no-volume", "no such volume is open" },
	{ -ENOENT, CMK_UNSUITABLE, "no-range", "no such range" },
	{ -EBUSY, CMK_UNSUITABLE, "busy", "busy" },
	{ -EEXIST, CMK_UNSUITABLE, "exists", "exists already" },
	{ -EKEYREVOKED, CMK_FAILED, "revoked", "the volume is revoked" },
	{ -EKEYEXPIRED, CMK_FAILED, "no-lease", "no lease runs" },
	{ -EKEYREJECTED, CMK_FAILED, "wrong-key",
	  "not the key that the range had, or not sealed for it" },
	{ -ESTALE, CMK_FAILED, "stale",
	  "an older generation, a session that has ended, or not the bound agent" },
	{ -EOPNOTSUPP, CMK_FAILED, "not-supported",
	  "not supported by this version of the module" },
	{ -ENOKEY, CMK_FAILED, "no-key", "a key that it needs is not there" },
	{ -EINVAL, CMK_FAILED, "invalid", "malformed request" },
	{ -ERANGE, CMK_FAILED, "invalid", "a number is out of range" },
	{ -EMSGSIZE, CMK_FAILED, "invalid", "the request is too long" },
	{ -ENOMEM, CMK_TEMPORARY, "no-memory", "out of memory" },
	{ -ETIMEDOUT, CMK_TEMPORARY, "kernel-silent",
	  "no answer within 5 seconds" },
	{ -EAGAIN, CMK_TEMPORARY, "changing",
	  "the list of volumes kept changing; try again" },
	{ -EPROTO, CMK_FAILED, "protocol",
	  "an answer that this program does not understand" },
};

static const struct cmk_errno_meaning unknown = {
	0, CMK_FAILED, "kernel", "the request failed"
};

const struct cmk_errno_meaning *cmk_errno_meaning(int err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].err == err)
			return &meanings[i];
	return &unknown;
}

static const char *name(const char *const *names, size_t n, unsigned int i)
{
	return i < n && names[i] ? names[i] : "?";
}

const char *cmk_attr_name(unsigned int type)
{
	return name(attrs, ARRAY_SIZE(attrs), type);
}

const char *cmk_key_attr_name(unsigned int type)
{
	return name(key_attrs, ARRAY_SIZE(key_attrs), type);
}

const char *cmk_gate_name(enum cmk_gate gate)
{
	return name(gates, ARRAY_SIZE(gates), gate);
}

const char *cmk_cause_name(enum cmk_cause cause)
{
	return name(causes, ARRAY_SIZE(causes), cause);
}

const char *cmk_rekey_state_name(enum cmk_rekey_state state)
{
	return name(rekey_states, ARRAY_SIZE(rekey_states), state);
}

/* Some have another meaning there than in the library's text. */
const char *cmk_rekey_error_text(uint32_t error)
{
	switch (error) {
	case ENODATA:
		return "the medium cannot be read there";
	case EUCLEAN:
		return "the record of the rekey is damaged, or of another one";
	case EBADMSG:
		return "a block there is under neither of the two keys";
	case EKEYREJECTED:
		return "the keys are not those of the record";
	case EROFS:
		return "the volume was opened for reading only";
	}
	return strerror(error);
}
