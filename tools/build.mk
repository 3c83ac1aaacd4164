# SPDX-License-Identifier: GPL-2.0
#
# The command cmkctl.  One source file a line, each command in its own.

CMKCTL_SRC := \
	tools/cmkctl.c \
	tools/options.c \
	tools/report.c \
	tools/text.c \
	tools/progress.c \
	tools/member.c \
	tools/client.c \
	tools/agentview.c \
	tools/answer.c \
	tools/volume.c \
	tools/state.c \
	tools/marker.c \
	tools/dm.c \
	tools/device.c \
	tools/device-signature.c \
	tools/device-users.c \
	tools/stack.c \
	tools/purge.c \
	tools/hung-task.c \
	tools/trail.c \
	tools/units.c \
	tools/helper.c \
	tools/format-check.c \
	tools/format-show.c \
	tools/cmd-benchmark.c \
	tools/cmd-close.c \
	tools/cmd-dump.c \
	tools/cmd-erase.c \
	tools/cmd-format.c \
	tools/cmd-header.c \
	tools/cmd-helper.c \
	tools/cmd-list.c \
	tools/cmd-open.c \
	tools/cmd-probe.c \
	tools/cmd-rekey.c \
	tools/cmd-restore.c \
	tools/cmd-revoke.c \
	tools/cmd-rewrap.c \
	tools/cmd-set-kek.c \
	tools/target.c \
	tools/cmd-status.c \
	tools/cmd-udev.c

CMKCTL_PKGS := jansson blkid devmapper
CMKCTL_LIBS = $(shell pkg-config --libs $(CMKCTL_PKGS))
CMKCTL_OBJ := $(CMKCTL_SRC:%.c=$(BUILD)/obj/%.o)
$(CMKCTL_OBJ): EXTRA_CFLAGS += $(shell pkg-config --cflags $(CMKCTL_PKGS))

PROGRAMS += $(BUILD)/bin/cmkctl
# The library's own needs come last; what cmkctl does not use of them is left
# out, so that a revoke loads no more than it must.
$(BUILD)/bin/cmkctl: $(CMKCTL_OBJ) $(CMKLIB)
	$(call link,$(CMKCTL_OBJ) $(CMKLIB) $(CMKCTL_LIBS) \
		-Wl$(comma)--as-needed $(CMKLIB_LIBS))
comma := ,
