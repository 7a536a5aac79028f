# SPDX-License-Identifier: GPL-2.0-only
"""The live test kit: victims, a client that writes down the truth, and the judge that compares."""
