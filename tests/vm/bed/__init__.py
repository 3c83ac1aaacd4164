# SPDX-License-Identifier: GPL-2.0
"""The test machine: how it is built, started, talked to and judged."""
