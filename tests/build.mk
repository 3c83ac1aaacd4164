# SPDX-License-Identifier: GPL-2.0
include tests/kernel/build.mk

include tests/e2e/build.mk
