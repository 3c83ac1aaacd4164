# SPDX-License-Identifier: GPL-2.0
#
# kvemu, the Key Vault emulator.

KVEMU := main server route call auth login token vault identity switches store \
	op_write op_life op_list op_crypt op_rotate bundle jwk crypto duration \
	pki control act_key act_who apps ctlsock ctl reqlog util
KVEMU_OBJ := $(KVEMU:%=$(BUILD)/obj/tools/kvemu/%.o)

PROGRAMS += $(BUILD)/bin/kvemu

$(BUILD)/bin/kvemu: $(KVEMU_OBJ)
	$(call link,$(KVEMU_OBJ) -lmicrohttpd -ljansson -lcrypto -lpthread)
