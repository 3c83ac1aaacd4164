# SPDX-License-Identifier: GPL-2.0
"""Checks of what the documents say; see main.py."""
