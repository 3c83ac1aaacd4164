# SPDX-License-Identifier: GPL-2.0
#
# The verbs of the project: `make help`.  Userspace is built by the fragments
# included below, the module by Kbuild in a copy of its sources, one copy per
# kernel, so that several kernels can be built from one tree.

BUILD	?= build
KVER	?= $(shell uname -r)
KDIR	?= /lib/modules/$(KVER)/build
V	?= 0

ifeq ($(V),0)
Q	:= @
say	= @echo "  $(1)	$(2)";
endif

CFLAGS	?= -O2 -g
CMK_CFLAGS := -std=gnu11 -Wall -Wextra -Werror -Wstrict-prototypes \
	-Wmissing-prototypes -Wdeclaration-after-statement -Wshadow \
	-Wno-unused-parameter -Wno-missing-field-initializers \
	-fstack-protector-strong -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 \
	-Iinclude -Iinclude/uapi -Iagent
CMK_LDFLAGS := -Wl,-z,relro -Wl,-z,now
VERSION	:= $(shell cat VERSION)
CMK_CFLAGS += -DCMK_VERSION=\"$(VERSION)\"

.PHONY: all
all: programs

# Objects are built the same way everywhere: build/obj/<path>.o.  A fragment
# may add flags to its own objects with a target-specific EXTRA_CFLAGS.
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(dir $@)
	$(call say,CC,$<)
	$(Q)$(CC) $(CMK_CFLAGS) $(EXTRA_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# $(call link,objects and libraries) as the recipe of a program
define link
	@mkdir -p $(dir $@)
	$(call say,LD,$@)
	$(Q)$(CC) $(CMK_LDFLAGS) $(LDFLAGS) -o $@ $(1)
endef

PROGRAMS :=
UNIT_TESTS :=
include agent/build.mk
include tools/build.mk
include tools/kvemu/build.mk
include tests/build.mk

-include $(shell [ -d $(BUILD)/obj ] && find $(BUILD)/obj -name '*.d')

.PHONY: programs unit module sparse check-fast clean help spec
programs: $(PROGRAMS)
unit: $(UNIT_TESTS)

MODDIR := $(BUILD)/module/$(KVER)
module:
	@mkdir -p $(MODDIR)
	$(Q)cp -au Kbuild kernel include $(MODDIR)/
	$(Q)$(MAKE) --no-print-directory -C $(KDIR) M=$(abspath $(MODDIR)) \
		$(MODFLAGS) modules

sparse:
	$(Q)$(MAKE) module MODFLAGS="W=1 C=2 CF='-Wsparse-error'"

spec:
	$(Q)tools/checks/spec

# On all CPUs, unless it is told on how many: somebody waits for it.
ALL_CPUS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
check-fast:
	$(Q)$(MAKE) -s --no-print-directory $(ALL_CPUS) programs unit
	$(Q)tools/checks/run

clean:
	rm -rf $(BUILD)

help:
	@echo 'make            programs: cmkd, cmkctl, kvemu'
	@echo 'make module     dm-cmk.ko for the running kernel, or KVER=release'
	@echo 'make sparse     the module again with W=1 and sparse'
	@echo 'make unit       unit test programs'
	@echo 'make check-fast build, style, include map, unit tests (< 40 s)'
	@echo 'make spec       header and policies again from the netlink spec'
	@echo 'make clean      remove build/'
	@echo 'tests/run       all tests; tests/run --list, tests/run NAME'
	@echo 'tools/demo      the main job in a virtual machine'
