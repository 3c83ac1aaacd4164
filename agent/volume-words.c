// SPDX-License-Identifier: GPL-2.0
/*
 * The words for what the policy made of a volume: the kernel's causes, and the
 * states and causes of status.
 */
#include "volume-internal.h"

enum cmk_cause cmk_volume_kernel_cause(enum cmk_pol_cause cause)
{
	switch (cause) {
	case CMK_POL_CAUSE_DELETED:
		return CMK_CAUSE_KEK_DELETED;
	case CMK_POL_CAUSE_DISABLED:
		return CMK_CAUSE_KEK_DISABLED;
	case CMK_POL_CAUSE_EXPIRED:
		return CMK_CAUSE_KEK_EXPIRED;
	case CMK_POL_CAUSE_PERMISSION:
		return CMK_CAUSE_NO_PERMISSION;
	case CMK_POL_CAUSE_GRACE:
		return CMK_CAUSE_GRACE;
	case CMK_POL_CAUSE_NONE:
	case CMK_POL_CAUSE_KERNEL:
	case CMK_POL_CAUSE_ADMIN:
		break;
	}
	return CMK_CAUSE_NONE;
}

enum cmk_pol_cause cmk_volume_pol_cause(enum cmk_cause cause)
{
	switch (cause) {
	case CMK_CAUSE_KEK_DELETED:
		return CMK_POL_CAUSE_DELETED;
	case CMK_CAUSE_KEK_DISABLED:
		return CMK_POL_CAUSE_DISABLED;
	case CMK_CAUSE_KEK_EXPIRED:
		return CMK_POL_CAUSE_EXPIRED;
	case CMK_CAUSE_NO_PERMISSION:
		return CMK_POL_CAUSE_PERMISSION;
	case CMK_CAUSE_GRACE:
		return CMK_POL_CAUSE_GRACE;
	case CMK_CAUSE_ADMIN:
		return CMK_POL_CAUSE_ADMIN;
	case CMK_CAUSE_NONE:
	case CMK_CAUSE_LEASE:
	case CMK_CAUSE_HOLD_TIMEOUT:
	case CMK_CAUSE_VM_FORK:
	case CMK_CAUSE_SLEEP:
		break;
	}
	return CMK_POL_CAUSE_KERNEL;
}

const char *cmk_volume_cause_name(const struct cmk_volume *v)
{
	enum cmk_cause cause = CMK_CAUSE_NONE;

	if (v->life == CMK_VOLUME_WATCHED)
		cause = cmk_volume_kernel_cause(v->pol.cause);
	if (cause == CMK_CAUSE_NONE && v->kernel.gate != CMK_GATE_OPEN)
		cause = v->kernel.cause;
	return cmk_cause_name(cause);
}

static const char *phase_name(const struct cmk_volume *v,
			      enum cmk_pol_phase phase)
{
	switch (phase) {
	case CMK_POL_READY:
		return "ready";
	case CMK_POL_GRACE:
	case CMK_POL_CONFIRM:
		return "grace";
	case CMK_POL_HELD:
		return "held";
	case CMK_POL_REVOKED:
		return "revoked";
	case CMK_POL_RESTORING:
		return v->pol.back == CMK_POL_HELD ? "held" : "revoked";
	case CMK_POL_STICKY:
		break;
	}
	return cmk_gate_name(v->kernel.gate);
}

const char *cmk_volume_state_name(const struct cmk_volume *v)
{
	if (v->life == CMK_VOLUME_WATCHED)
		return phase_name(v, v->pol.phase);
	if (v->kernel.gate != CMK_GATE_OPEN)
		return cmk_gate_name(v->kernel.gate);
	return "opening";
}
