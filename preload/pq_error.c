/* SPDX-License-Identifier: ISC */
#include "preload/pq_error.h"

#include <string.h>

static inline void
set(bx_ctx *span, const char *code, const char *message, const struct bx__error_field *fields, size_t field_count)
{
	size_t len = message ? strlen(message) : 0;
	while (len > 0 && message[len - 1] == '\n')
		len--;
	struct bx__error error = {.error_class = "pq",
	    .code = code,
	    .message = message,
	    .message_len = len,
	    .fields = fields,
	    .field_count = field_count,
	    .fresh = true}; /* a command fails once: pq_command */
	span_set_error(span, &error);
}

void
pq_error_text(bx_ctx *span, const char *code, const char *message)
{
	set(span, code, message, NULL, 0);
}

void
pq_error_result(
    bx_ctx *span, const struct real_pq *real, const PGresult *res, const char *better_code, const char *better_message)
{
	static const struct {
		const char *key;
		int code;
		bool is_data; /* may quote rows or parameters */
	} wanted[] = {
	    {"severity", PG_DIAG_SEVERITY_NONLOCALIZED, false},
	    {"hint", PG_DIAG_MESSAGE_HINT, false},
	    {"position", PG_DIAG_STATEMENT_POSITION, false},
	    {"schema", PG_DIAG_SCHEMA_NAME, false},
	    {"table", PG_DIAG_TABLE_NAME, false},
	    {"column", PG_DIAG_COLUMN_NAME, false},
	    {"datatype", PG_DIAG_DATATYPE_NAME, false},
	    {"constraint", PG_DIAG_CONSTRAINT_NAME, false},
	    {"detail", PG_DIAG_MESSAGE_DETAIL, true},
	    {"context", PG_DIAG_CONTEXT, true},
	    {"internal_query", PG_DIAG_INTERNAL_QUERY, true},
	};
	struct bx__error_field fields[sizeof wanted / sizeof *wanted];
	size_t count = 0;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		if (wanted[i].is_data && !shim_config.sql_params)
			continue;
		const char *text = real->PQresultErrorField(res, wanted[i].code);
		if (text)
			fields[count++] = (struct bx__error_field){wanted[i].key, text};
	}
	const char *code = real->PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = real->PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	if (!code && better_code) {
		code = better_code;
		message = better_message;
	}
	if (!message) /* made by libpq itself: the server is gone */
		message = real->PQresultErrorMessage(res);
	set(span, code, message, fields, count);
}
