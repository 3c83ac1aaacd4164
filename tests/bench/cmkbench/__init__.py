# SPDX-License-Identifier: GPL-2.0
"""The benchmark: what an I/O through a target costs."""
