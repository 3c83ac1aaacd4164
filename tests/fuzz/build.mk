# SPDX-License-Identifier: GPL-2.0
#
# libcmk under the address and undefined behaviour sanitizers: a fuzzer for what
# reads a header, with its seeds, and the unit tests again.  Not test_secret,
# which reads all of its memory, that of the sanitizer would be terabytes; and
# not the two that try each byte and each torn sector, for minutes.
#
#	make fuzz-header	libFuzzer, with clang: build/fuzz/header

ASAN_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_SRC := $(filter agent/error.c agent/secret.c agent/base64url.c \
	agent/file.c agent/crypto%.c agent/header%.c,$(LIBCMK_SRC))
ASAN_OBJ := $(LIBCMK_SRC:%.c=$(BUILD)/asan/obj/%.o)
ASAN_TESTS := $(filter-out test_secret test_header_hostile test_header_torn, \
	$(notdir $(UNIT_TESTS)))
ASAN_BIN := $(BUILD)/asan/fuzz-header $(BUILD)/asan/header-seeds \
	$(ASAN_TESTS:%=$(BUILD)/asan/%)

$(BUILD)/asan/obj/%.o: %.c
	@mkdir -p $(dir $@)
	$(call say,CC,$@)
	$(Q)$(CC) $(CMK_CFLAGS) $(CMKLIB_CFLAGS) -U_FORTIFY_SOURCE \
		$(ASAN_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/asan/fuzz-header: $(BUILD)/asan/obj/tests/fuzz/header.o \
		$(BUILD)/asan/obj/tests/fuzz/driver.o
$(BUILD)/asan/header-seeds: $(BUILD)/asan/obj/tests/fuzz/header-seeds.o
$(ASAN_TESTS:%=$(BUILD)/asan/%): $(BUILD)/asan/%: \
		$(BUILD)/asan/obj/tests/unit/%.o
$(foreach t,$(ASAN_TESTS),$(eval $(BUILD)/asan/$(t): \
	$(UNIT_OBJ_$(t):$(BUILD)/obj/%=$(BUILD)/asan/obj/%)))

# A library, as a test may have its own answer of what is in it.
$(BUILD)/asan/libcmk.a: $(ASAN_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(ASAN_BIN): $(BUILD)/asan/libcmk.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ASAN_FLAGS) -o $@ $(filter %.o,$^) $< $(CMKLIB_LIBS) \
		-lcmocka

.SECONDARY: $(ASAN_OBJ) $(ASAN_TESTS:%=$(BUILD)/asan/obj/tests/unit/%.o) \
	$(BUILD)/asan/obj/tests/fuzz/header.o \
	$(BUILD)/asan/obj/tests/fuzz/driver.o \
	$(BUILD)/asan/obj/tests/fuzz/header-seeds.o

-include $(shell [ -d $(BUILD)/asan ] && find $(BUILD)/asan -name '*.d')

TEST_TOOLS += $(ASAN_BIN)

.PHONY: fuzz-header
fuzz-header: $(BUILD)/fuzz/header
$(BUILD)/fuzz/header: tests/fuzz/header.c $(FUZZ_SRC)
	@mkdir -p $(dir $@)
	$(call say,FUZZ,$@)
	$(Q)clang $(CMK_CFLAGS) -U_FORTIFY_SOURCE $(ASAN_FLAGS) \
		-fsanitize=fuzzer -o $@ $^ -lcrypto -lssl
