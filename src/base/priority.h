/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who watches a stop runs before what keeps the processors busy: the snapshot races with a service
 * that ends, and a late one knows less.
 */
#ifndef SHUTWATCH_PRIORITY_H
#define SHUTWATCH_PRIORITY_H

/* Of this thread, and those that it starts from now on. Without the right to it nothing changes. */
void priority_raise(void);

/* Of this thread: as it was when the process raised it. */
void priority_restore(void);

#endif
