// SPDX-License-Identifier: GPL-2.0-only
/* The bytes that a connection sends: built once for each state, shared by its connections. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/plan.h"

#define POSTGRES_VERSION 196608 /* 3.0 */

static const char *default_path(enum protocol protocol, enum state state)
{
	bool is_busy = state == STATE_IN_FLIGHT || state == STATE_QUEUED;

	switch (protocol) {
	case PROTOCOL_REDIS:
		return is_busy ? "BLPOP shutwatch-client 0" : "PING";
	case PROTOCOL_POSTGRES:
		return is_busy ? "select pg_sleep(10)" : "select 1";
	default:
		return "/";
	}
}

/* Returns 0 or -ENOMEM. */
static int build_http(const struct plan *plan, enum state state, const char *path,
		      struct request *ret_request)
{
	int size = asprintf(&ret_request->bytes,
			    "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: shutwatch-client\r\n"
			    "Accept: */*\r\n%s\r\n",
			    path, plan->host, state >= STATE_FLOW ? "Connection: close\r\n" : "");

	ret_request->size = size < 0 ? 0 : (size_t)size;
	return size < 0 ? -ENOMEM : 0;
}

/* The next word of a command; NULL at its end. */
static const char *next_word(const char *text, size_t *ret_size)
{
	text += strspn(text, " ");
	*ret_size = strcspn(text, " ");
	return *ret_size ? text : NULL;
}

static int build_redis(const char *command, struct request *ret_request)
{
	FILE *file = open_memstream(&ret_request->bytes, &ret_request->size);
	const char *word = command;
	size_t size, words = 0;

	if (!file)
		return -ENOMEM;
	for (; (word = next_word(word, &size)); word += size)
		words++;
	fprintf(file, "*%zu\r\n", words);
	for (word = command; (word = next_word(word, &size)); word += size)
		fprintf(file, "$%zu\r\n%.*s\r\n", size, (int)size, word);
	return fclose(file) ? -ENOMEM : 0;
}

static void put_number(FILE *file, uint32_t number)
{
	number = htonl(number);
	fwrite(&number, sizeof(number), 1, file);
}

static int build_query(const char *query, struct request *ret_request)
{
	FILE *file = open_memstream(&ret_request->bytes, &ret_request->size);

	if (!file)
		return -ENOMEM;
	fputc('Q', file);
	put_number(file, (uint32_t)(sizeof(uint32_t) + strlen(query) + 1));
	fwrite(query, strlen(query) + 1, 1, file);
	return fclose(file) ? -ENOMEM : 0;
}

static int build_start_up(const struct plan *plan, struct request *ret_request)
{
	const char *const words[] = { "user",
				      plan->user,
				      "database",
				      plan->database ? plan->database : plan->user,
				      "application_name",
				      "shutwatch-client",
				      "" };
	FILE *file = open_memstream(&ret_request->bytes, &ret_request->size);
	size_t i, size = 2 * sizeof(uint32_t);

	if (!file)
		return -ENOMEM;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		size += strlen(words[i]) + 1;
	put_number(file, (uint32_t)size);
	put_number(file, POSTGRES_VERSION);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		fwrite(words[i], strlen(words[i]) + 1, 1, file);
	return fclose(file) ? -ENOMEM : 0;
}

int requests_build(struct plan *plan)
{
	int state, err = 0;

	for (state = 0; state < STATES && !err; state++) {
		struct plan_state *one = &plan->states[state];
		const char *path = one->path ? one->path : plan->path;

		if (!path)
			path = default_path(plan->protocol, state);
		if (plan->protocol == PROTOCOL_HTTP)
			err = build_http(plan, state, path, &one->request);
		else if (plan->protocol == PROTOCOL_REDIS)
			err = build_redis(path, &one->request);
		else
			err = build_query(path, &one->request);
	}
	if (!err && plan->protocol == PROTOCOL_POSTGRES)
		err = build_start_up(plan, &plan->start_up);
	return err;
}
