/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One value between a struct and a row. The file may be damaged or made by a stranger: whatever
 * stands in a column, what is read fits its member, and an enum is one of its enumerators.
 */
#include "src/store/relation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/text.h"

#define STRING_BYTES_MAX (1 << 20)
/* Far beyond any record, and so small that the views can add and subtract what they find. */
#define TIME_MAX (1LL << 60)
#define WALL_MAX (1LL << 62)

char *relation_names(const struct column *columns, size_t n_columns)
{
	struct text text;

	text_init(&text);
	for (size_t i = 0; i < n_columns; i++)
		text_addf(&text, "%s%s", i ? ", " : "", columns[i].name);
	return text_take(&text);
}

static uint64_t load_unsigned(const void *member, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)member;
	case 2:
		return *(const uint16_t *)member;
	case 4:
		return *(const uint32_t *)member;
	default:
		return *(const uint64_t *)member;
	}
}

static void save_unsigned(void *member, size_t size, uint64_t value)
{
	switch (size) {
	case 1:
		*(uint8_t *)member = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)member = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)member = (uint32_t)value;
		break;
	default:
		*(uint64_t *)member = value;
	}
}

static int bind_text(sqlite3_stmt *statement, int index, const char *string, size_t size_max)
{
	return sqlite3_bind_text(statement, index, string, (int)strnlen(string, size_max),
				 SQLITE_STATIC);
}

static int bind_time(sqlite3_stmt *statement, int index, int64_t time_ns)
{
	if (time_ns == TIME_UNKNOWN)
		return sqlite3_bind_null(statement, index);
	return sqlite3_bind_int64(statement, index, time_ns);
}

static int bind_ancestry(sqlite3_stmt *statement, int index, const struct record_sender *sender)
{
	char names[ANCESTRY_MAX * (COMM_BYTES + 1)];
	size_t size = 0;

	for (size_t i = 0; i < sender->ancestors && i < ANCESTRY_MAX; i++) {
		size_t length = strnlen(sender->ancestry[i], COMM_BYTES);

		memcpy(names + size, sender->ancestry[i], length);
		size += length;
		names[size++] = '\0';
	}
	return sqlite3_bind_blob(statement, index, names, (int)size, SQLITE_TRANSIENT);
}

static int bind_column(sqlite3_stmt *statement, int index, const struct column *column,
		       const void *member)
{
	const char *string;

	switch (column->type) {
	case COLUMN_SIGNED:
		return sqlite3_bind_int(statement, index, *(const int *)member);
	case COLUMN_TIME:
	case COLUMN_WALL:
		return bind_time(statement, index, *(const int64_t *)member);
	case COLUMN_TEXT:
		return bind_text(statement, index, member, column->size - 1);
	case COLUMN_STRING:
		string = *(char *const *)member;
		return string ? bind_text(statement, index, string, STRING_BYTES_MAX)
			      : sqlite3_bind_null(statement, index);
	case COLUMN_SHARE:
		return sqlite3_bind_double(statement, index, *(const double *)member);
	case COLUMN_ADDRESS:
		return sqlite3_bind_blob(statement, index, member, ADDRESS_BYTES, SQLITE_STATIC);
	case COLUMN_ANCESTRY:
		return bind_ancestry(statement, index, member);
	default:
		return sqlite3_bind_int64(statement, index,
					  (int64_t)load_unsigned(member, column->size));
	}
}

int relation_bind(sqlite3_stmt *statement, int first, const struct column *columns,
		  size_t n_columns, const void *item)
{
	int result = SQLITE_OK;

	for (size_t i = 0; i < n_columns && result == SQLITE_OK; i++)
		result = bind_column(statement, first + (int)i, &columns[i],
				     (const char *)item + columns[i].offset);
	return result;
}

static int read_unsigned(const struct column *column, int64_t value, void *member)
{
	if (column->size < 8 && (value < 0 || value >> (8 * column->size)))
		return -EBADMSG;
	save_unsigned(member, column->size, (uint64_t)value);
	return 0;
}

static int read_signed(int64_t value, int *member)
{
	if (value < INT32_MIN || value > INT32_MAX)
		return -EBADMSG;
	*member = (int)value;
	return 0;
}

static int read_enum(const struct column *column, int64_t value, unsigned int *member)
{
	if (value < 0 || value >= (int64_t)column->limit)
		return -EBADMSG;
	*member = (unsigned int)value;
	return 0;
}

static int64_t read_time(sqlite3_stmt *statement, int index, int64_t max)
{
	int64_t value = sqlite3_column_int64(statement, index);

	if (sqlite3_column_type(statement, index) == SQLITE_NULL)
		return TIME_UNKNOWN;
	if (value > max)
		return max;
	return value < -max ? -max : value;
}

/* What is no number at all has become NULL, and reads as 0. */
static double read_share(sqlite3_stmt *statement, int index)
{
	double value = sqlite3_column_double(statement, index);

	if (value > 1)
		return 1;
	return value > 0 ? value : 0;
}

/* sqlite3_column_blob() first: it says how many bytes there really are, whatever they are. */
static size_t read_bytes(sqlite3_stmt *statement, int index, size_t max, const char **ret_bytes)
{
	const char *bytes = sqlite3_column_blob(statement, index);
	int size = sqlite3_column_bytes(statement, index);

	*ret_bytes = bytes ? bytes : "";
	if (!bytes || size <= 0)
		return 0;
	return (size_t)size < max ? (size_t)size : max;
}

static int read_text(sqlite3_stmt *statement, int index, size_t size, char *member)
{
	const char *bytes;
	size_t length = read_bytes(statement, index, size - 1, &bytes);

	length = strnlen(bytes, length);
	memcpy(member, bytes, length);
	member[length] = '\0';
	return 0;
}

static int read_string(sqlite3_stmt *statement, int index, char **member)
{
	const char *bytes;
	size_t length = read_bytes(statement, index, STRING_BYTES_MAX, &bytes);

	if (sqlite3_column_type(statement, index) == SQLITE_NULL)
		return 0;
	*member = strndup(bytes, length);
	return *member ? 0 : -ENOMEM;
}

static int read_address(sqlite3_stmt *statement, int index, uint8_t *member)
{
	const char *bytes;

	if (sqlite3_column_bytes(statement, index) != ADDRESS_BYTES)
		return -EBADMSG;
	if (read_bytes(statement, index, ADDRESS_BYTES, &bytes) != ADDRESS_BYTES)
		return -EBADMSG;
	memcpy(member, bytes, ADDRESS_BYTES);
	return 0;
}

static int read_ancestry(sqlite3_stmt *statement, int index, struct record_sender *sender)
{
	const char *bytes;
	size_t size = read_bytes(statement, index, sizeof(sender->ancestry), &bytes);
	size_t at = 0;

	while (at < size && sender->ancestors < ANCESTRY_MAX) {
		size_t length = strnlen(bytes + at, size - at);
		size_t kept = length < COMM_BYTES ? length : COMM_BYTES;

		memcpy(sender->ancestry[sender->ancestors], bytes + at, kept);
		sender->ancestry[sender->ancestors++][kept] = '\0';
		at += length + 1;
	}
	return 0;
}

static int read_column(sqlite3_stmt *statement, int index, const struct column *column,
		       void *member)
{
	int64_t value = sqlite3_column_int64(statement, index);

	switch (column->type) {
	case COLUMN_UNSIGNED:
		return read_unsigned(column, value, member);
	case COLUMN_SIGNED:
		return read_signed(value, member);
	case COLUMN_BOOL:
		*(bool *)member = value != 0;
		return 0;
	case COLUMN_SHARE:
		*(double *)member = read_share(statement, index);
		return 0;
	case COLUMN_ENUM:
		return read_enum(column, value, member);
	case COLUMN_TIME:
		*(int64_t *)member = read_time(statement, index, TIME_MAX);
		return 0;
	case COLUMN_WALL:
		*(int64_t *)member = read_time(statement, index, WALL_MAX);
		return 0;
	case COLUMN_TEXT:
		return read_text(statement, index, column->size, member);
	case COLUMN_STRING:
		return read_string(statement, index, member);
	case COLUMN_ADDRESS:
		return read_address(statement, index, member);
	case COLUMN_ANCESTRY:
		return read_ancestry(statement, index, member);
	}
	return -EBADMSG;
}

int relation_read(sqlite3_stmt *statement, int first, const struct column *columns,
		  size_t n_columns, void *ret_item, const char **ret_wrong)
{
	for (size_t i = 0; i < n_columns; i++) {
		int err = read_column(statement, first + (int)i, &columns[i],
				      (char *)ret_item + columns[i].offset);

		if (err) {
			*ret_wrong = columns[i].name;
			return err;
		}
	}
	return 0;
}
