# SPDX-License-Identifier: GPL-2.0
TEST_TOOLS += $(BUILD)/bin/nltool

$(BUILD)/obj/tests/kernel/nltool.o: EXTRA_CFLAGS += $(CMKLIB_CFLAGS)
$(BUILD)/bin/nltool: $(BUILD)/obj/tests/kernel/nltool.o $(CMKLIB)
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
