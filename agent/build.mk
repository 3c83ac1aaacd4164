# SPDX-License-Identifier: GPL-2.0
#
# libcmk (what agent, command and tests share) and the agent cmkd.  One source
# file a line.

LIBCMK_SRC := \
	agent/span.c \
	agent/policy.c \
	agent/policy-answer.c \
	agent/config.c \
	agent/config-file.c \
	agent/cmktab.c \
	agent/state.c \
	agent/backup.c \
	agent/error.c \
	agent/secret.c \
	agent/base64url.c \
	agent/file.c \
	agent/crypto.c \
	agent/crypto-gcm.c \
	agent/crypto-ecdh.c \
	agent/header.c \
	agent/header-parse.c \
	agent/header-auth.c \
	agent/header-slot.c \
	agent/header-kek.c \
	agent/header-next.c \
	agent/header-io.c \
	agent/retry.c \
	agent/http-loop.c \
	agent/http.c \
	agent/json-secret.c \
	agent/token-parse.c \
	agent/token-imds.c \
	agent/token-secret.c \
	agent/token.c \
	agent/keygen.c \
	agent/kek-uri.c \
	agent/kek-azure-answer.c \
	agent/kek-azure-text.c \
	agent/kek-azure.c \
	agent/kek-service.c \
	agent/kek.c \
	agent/kek-match.c \
	agent/seal.c \
	agent/netlink.c \
	agent/netlink-command.c \
	agent/netlink-event.c \
	agent/netlink-names.c \
	agent/netlink-rekey.c \
	agent/audit.c

CMKD_SRC := \
	agent/cmkd.c \
	agent/control.c \
	agent/header-load.c \
	agent/helper.c \
	agent/methods.c \
	agent/methods-param.c \
	agent/methods-format.c \
	agent/format.c \
	agent/kek-fit.c \
	agent/rewrap.c \
	agent/rewrap-find.c \
	agent/rewrap-slots.c \
	agent/rewrap-write.c \
	agent/rekey.c \
	agent/rekey-order.c \
	agent/rekey-work.c \
	agent/rekey-write.c \
	agent/rotate.c \
	agent/methods-rewrap.c \
	agent/methods-rekey.c \
	agent/methods-header.c \
	agent/methods-known.c \
	agent/methods-restore.c \
	agent/methods-erase.c \
	agent/volume.c \
	agent/volume-adopt.c \
	agent/volume-open.c \
	agent/volume-keys.c \
	agent/volume-header.c \
	agent/volume-policy.c \
	agent/volume-words.c \
	agent/keys.c \
	agent/keys-install.c \
	agent/probe.c \
	agent/link.c

CMKLIB := $(BUILD)/obj/libcmk.a
CMKLIB_PKGS := libcrypto libssl libcurl jansson libnl-3.0 libnl-genl-3.0 \
	libsystemd
CMKLIB_LIBS = $(shell pkg-config --libs $(CMKLIB_PKGS))
CMKLIB_CFLAGS := $(shell pkg-config --cflags $(CMKLIB_PKGS) 2>/dev/null)

LIBCMK_OBJ := $(LIBCMK_SRC:%.c=$(BUILD)/obj/%.o)
CMKD_OBJ := $(CMKD_SRC:%.c=$(BUILD)/obj/%.o)
$(LIBCMK_OBJ) $(CMKD_OBJ): EXTRA_CFLAGS += $(CMKLIB_CFLAGS)

# Made anew, so that no object of a source that went away stays in it.
$(CMKLIB): $(LIBCMK_OBJ) agent/build.mk
	@mkdir -p $(dir $@)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIBCMK_OBJ)

ifneq ($(CMKD_SRC),)
PROGRAMS += $(BUILD)/bin/cmkd
$(BUILD)/bin/cmkd: $(CMKD_OBJ) $(CMKLIB)
	$(call link,$(CMKD_OBJ) $(CMKLIB) $(CMKLIB_LIBS))
endif
