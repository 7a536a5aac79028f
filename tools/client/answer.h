/* SPDX-License-Identifier: GPL-2.0-only */
/* Where an answer ends: HTTP/1.1, Redis (RESP) and PostgreSQL, fed with bytes in any split. */
#ifndef SHUTWATCH_CLIENT_ANSWER_H
#define SHUTWATCH_CLIENT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protocol {
	PROTOCOL_HTTP,
	PROTOCOL_REDIS,
	PROTOCOL_POSTGRES,
};

#define ANSWER_KEEP_BYTES 256	  /* of a line or message */
#define ANSWER_HEAD_MAX (1 << 16) /* all header lines of one HTTP answer, or of its trailers */
#define ANSWER_STATUS_BYTES 6

struct answer {
	enum protocol protocol;
	bool has_begun;	   /* its first byte is in */
	bool is_whole;	   /* its last byte is in */
	bool is_malformed; /* no answer of this protocol; everything after that is skipped */
	bool says_close;   /* HTTP: Connection: close; PostgreSQL: a FATAL error */
	bool wants_password;
	/*
	 * HTTP: the status, "200". Redis: the first byte, "+". PostgreSQL: the SQLSTATE of the last
	 * error, "57P01", else "00000" once it is whole. "" as long as it is unknown.
	 */
	char status[ANSWER_STATUS_BYTES];

	/* Only for the parsers. */
	int step;
	bool is_chunked;
	bool has_length;
	bool is_cut; /* the line or message is longer than what is kept of it */
	uint64_t left;
	size_t head_bytes;
	size_t kept;
	char keep[ANSWER_KEEP_BYTES];
};

/* Expects the first byte of a new answer. */
void answer_init(struct answer *answer, enum protocol protocol);

/*
 * Takes bytes up to the end of the answer. Returns how many were taken: fewer than `size` only if
 * the answer is whole; what is left belongs to the next one.
 */
size_t answer_feed(struct answer *answer, const char *bytes, size_t size);

/* The server has closed: an HTTP answer without any length is whole now. */
void answer_end(struct answer *answer);

/* The parsers behind answer_feed(). Each returns how many bytes it took, at least one. */
size_t answer_feed_http(struct answer *answer, const char *bytes, size_t size);
size_t answer_feed_redis(struct answer *answer, const char *bytes, size_t size);
size_t answer_feed_postgres(struct answer *answer, const char *bytes, size_t size);
void answer_end_http(struct answer *answer);

/*
 * For the parsers: adds bytes up to a line feed to answer->keep, which becomes a string without
 * CR LF. What does not fit is dropped and sets is_cut. ret_is_complete: the line feed has come, and
 * the next call begins a new line.
 */
size_t answer_keep_line(struct answer *answer, const char *bytes, size_t size,
			bool *ret_is_complete);

#endif
