# SPDX-License-Identifier: GPL-2.0-only
"""Hard times for shutwatch: faults of its world, and hours of work. No wrong figure may come."""
