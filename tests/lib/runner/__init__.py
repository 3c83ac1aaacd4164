# SPDX-License-Identifier: GPL-2.0
"""The test runner behind tests/run."""
