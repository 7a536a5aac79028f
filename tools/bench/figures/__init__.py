# SPDX-License-Identifier: GPL-2.0-only
"""The figures of `make bench`: one file each, and what they share."""
