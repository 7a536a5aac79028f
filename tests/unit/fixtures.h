/* SPDX-License-Identifier: GPL-2.0-only */
/* Records for the tests of the views. */
#ifndef SHUTWATCH_FIXTURES_H
#define SHUTWATCH_FIXTURES_H

#include "src/analysis/record.h"

#define FIXTURE_MS 1000000LL

/* All of these abort the test when memory runs out; free with fixture_free(). */

/* A service that ended by itself, nothing known beyond that, no processes, no connections. */
struct record *fixture_empty(void);

/* FastAPI under uvicorn: lossy, nine processes, connections of every kind. */
struct record *fixture_orders(void);

void fixture_free(struct record *record);

/* Append to the record; the result is valid until the next of its kind. */
struct record_process *fixture_process(struct record *record, uint32_t pid, const char *comm);
struct record_signal *fixture_signal(struct record_process *process, int signal, int64_t at_ns);
struct record_listener *fixture_listener(struct record *record, uint8_t family, const char *address,
					 uint16_t port);
struct record_connection *fixture_connection(struct record *record, const char *peer, uint16_t port,
					     enum connection_outcome outcome);

/* "10.0.0.5" and "::1" as events hold them: IPv4 mapped. */
void fixture_address(uint8_t bytes[ADDRESS_BYTES], const char *address);

#endif
