/* SPDX-License-Identifier: GPL-2.0-only */
/* A file that a person wrote, read whole. */
#ifndef SHUTWATCH_FILE_H
#define SHUTWATCH_FILE_H

#include <stddef.h>

/*
 * Reads a regular file of at most `max` bytes; a FIFO or a device is refused and never waited for.
 * Returns 0, -ENOENT in silence, -ENOMEM, else -errno after a log line (-EINVAL: not regular,
 * -EFBIG: too large). ret_text is the caller's to free; it may hold NULs.
 */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_size);

#endif
