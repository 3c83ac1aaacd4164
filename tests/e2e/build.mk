# SPDX-License-Identifier: GPL-2.0
#
# Programs of the tests on the host.

KEK_TOOL_OBJ := $(BUILD)/obj/tests/e2e/kek-tool.o \
	$(BUILD)/obj/tests/e2e/kek-tool-leaks.o

$(BUILD)/test/kek-tool: $(KEK_TOOL_OBJ) $(CMKLIB)
	$(call link,$(KEK_TOOL_OBJ) $(CMKLIB) $(CMKLIB_LIBS))

TEST_TOOLS += $(BUILD)/test/kek-tool

# Before libcmk: it has its own answers of the kernel.
KEYS_TOOL_OBJ := $(BUILD)/obj/tests/e2e/keys-tool.o $(BUILD)/obj/agent/keys.o \
	$(BUILD)/obj/agent/keys-install.o

$(BUILD)/test/keys-tool: $(KEYS_TOOL_OBJ) $(CMKLIB)
	$(call link,$(KEYS_TOOL_OBJ) $(CMKLIB) $(CMKLIB_LIBS))

TEST_TOOLS += $(BUILD)/test/keys-tool

$(BUILD)/test/ramscan: $(BUILD)/obj/tests/e2e/ram/scan.o
	$(call link,$^)

TEST_TOOLS += $(BUILD)/test/ramscan

$(BUILD)/obj/tests/vm/volatile-disk.o: EXTRA_CFLAGS += -fPIC

$(BUILD)/test/volatile-disk.so: $(BUILD)/obj/tests/vm/volatile-disk.o
	$(call link,-shared $^)

TEST_TOOLS += $(BUILD)/test/volatile-disk.so
