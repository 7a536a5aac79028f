/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes room for a new database where a corrupt one lies, and loses nothing of the old one. */
#ifndef SHUTWATCH_ASIDE_H
#define SHUTWATCH_ASIDE_H

/*
 * Renames PATH, PATH-wal and PATH-shm to PATH.corrupt-TIME…, and says so in the log with the
 * words of `fault`. Returns 0 or -errno; -EBADMSG: it does not look like a file of ours.
 */
int aside_move(const char *path, const char *fault);

#endif
