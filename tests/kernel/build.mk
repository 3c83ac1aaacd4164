# SPDX-License-Identifier: GPL-2.0
TEST_TOOLS += $(BUILD)/bin/nltool

$(BUILD)/obj/tests/kernel/nltool.o: EXTRA_CFLAGS += $(CMKLIB_CFLAGS)
$(BUILD)/bin/nltool: $(BUILD)/obj/tests/kernel/nltool.o $(CMKLIB)
	$(call link,$^ $(CMKLIB_LIBS) -luuid)
