# SPDX-License-Identifier: GPL-2.0
TEST_TOOLS += $(BUILD)/bin/nltool

$(BUILD)/obj/tests/kernel/nltool.o: EXTRA_CFLAGS += $(CMKLIB_CFLAGS)
$(BUILD)/bin/nltool: $(BUILD)/obj/tests/kernel/nltool.o $(CMKLIB)
	$(call link,$^ $(CMKLIB_LIBS) -luuid)

TEST_TOOLS += $(BUILD)/bin/nlseal

$(BUILD)/obj/tests/kernel/nlseal.o: EXTRA_CFLAGS += $(CMKLIB_CFLAGS)
$(BUILD)/bin/nlseal: $(BUILD)/obj/tests/kernel/nlseal.o $(CMKLIB)
	$(call link,$^ $(CMKLIB_LIBS) -luuid)

TEST_TOOLS += $(BUILD)/bin/diotool
$(BUILD)/bin/diotool: $(BUILD)/obj/tests/kernel/diotool.o
	$(call link,$^)

TEST_TOOLS += $(BUILD)/bin/iostorm
$(BUILD)/bin/iostorm: $(BUILD)/obj/tests/kernel/iostorm.o
	$(call link,$^ -lpthread)

TEST_TOOLS += $(BUILD)/bin/nlraw
$(BUILD)/bin/nlraw: $(BUILD)/obj/tests/kernel/nlraw.o
	$(call link,$^ -luuid)

TEST_TOOLS += $(BUILD)/bin/logreplay
$(BUILD)/bin/logreplay: $(BUILD)/obj/tests/kernel/logreplay.o
	$(call link,$^)

TEST_TOOLS += $(BUILD)/bin/memhog
$(BUILD)/bin/memhog: $(BUILD)/obj/tests/kernel/memhog.o
	$(call link,$^)

RACE_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o, \
	$(sort $(wildcard tests/kernel/race/*.c)))
TEST_TOOLS += $(BUILD)/bin/race
$(BUILD)/bin/race: $(RACE_OBJ)
	$(call link,$^ -ldevmapper -lpthread)

TEST_TOOLS += $(BUILD)/test-keys/vault.json
$(BUILD)/test-keys/vault.json: $(BUILD)/bin/kvemu tests/vm/mkkeys
	$(Q)tests/vm/mkkeys $< $(@D)

# Modules for tests, built as the module itself is: one copy for each kernel.
.PHONY: test-modules
TESTMODDIR := $(BUILD)/test-module/$(KVER)
test-modules:
	@mkdir -p $(TESTMODDIR)
	$(Q)cp -au tests/kernel/module/. $(TESTMODDIR)/
	$(Q)$(MAKE) --no-print-directory -C $(KDIR) M=$(abspath $(TESTMODDIR)) \
		modules
