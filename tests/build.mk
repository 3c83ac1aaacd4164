# SPDX-License-Identifier: GPL-2.0
#
# Unit tests, one program a file: tests/unit/test_x.c becomes
# build/unit/test_x.  A test of something outside of libcmk names the objects:
#
#	UNIT_OBJ_test_x := $(BUILD)/obj/tools/text.o
#
# Programs that tests of the other kinds run are listed in TEST_TOOLS.

# What the kernel reads from a disk is tested here, too
UNIT_OBJ_test_record := $(BUILD)/obj/kernel/rekey-record.o

# Parts of cmkd and cmkctl alone
UNIT_OBJ_test_header_load := $(BUILD)/obj/agent/header-load.o
UNIT_OBJ_test_helper := $(BUILD)/obj/agent/helper.o
UNIT_OBJ_test_hung_task := $(BUILD)/obj/tools/hung-task.o
UNIT_OBJ_test_marker := $(BUILD)/obj/tools/marker.o $(BUILD)/obj/tools/text.o
UNIT_OBJ_test_probe := $(BUILD)/obj/agent/probe.o
UNIT_OBJ_test_purge := $(patsubst %,$(BUILD)/obj/tools/%.o,purge stack text)
UNIT_OBJ_test_volume := $(patsubst %,$(BUILD)/obj/tools/%.o,volume device text)

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_TESTS := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
UNIT_OBJ := $(UNIT_SRC:%.c=$(BUILD)/obj/%.o)
TEST_TOOLS :=

include tests/kernel/build.mk
include tests/e2e/build.mk
include tests/fuzz/build.mk

$(UNIT_OBJ): EXTRA_CFLAGS += $(CMKLIB_CFLAGS)

.SECONDEXPANSION:
.SECONDARY: $(UNIT_OBJ)
$(UNIT_TESTS): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $$(UNIT_OBJ_%) \
		$(CMKLIB)
	$(call link,$(filter %.o,$^) $(CMKLIB) $(CMKLIB_LIBS) -lcmocka)

.PHONY: test-tools
test-tools: $(TEST_TOOLS)
