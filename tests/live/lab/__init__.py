# SPDX-License-Identifier: GPL-2.0-only
"""The truth lab: real servers, stopped in every state their connections can be in, and judged."""
