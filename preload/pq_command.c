/* SPDX-License-Identifier: ISC */
#include "preload/pq_command.h"

#include <stdlib.h>
#include <string.h>

void
pq_command_begin(struct pq_command *c, int server_pid)
{
	c->next = NULL;
	c->is_sync = c->partial = c->failed = c->aborted = c->has_rows = c->whole_seen = false;
	c->first_row_ns = c->last_ns = 0;
	c->rows = c->copied_bytes = 0;
	c->prepares = NULL;
	c->tag_count = 0;
	c->first_code[0] = '\0';
	c->server_pid = server_pid;
	c->span = span_begin(".sql");
	c->begin_ns = span_clock_ns();
}

static void
set_query(struct pq_command *c, const char *query, size_t kept, size_t size)
{
	size_t max = shim_config.sql_max;
	span_set_cut(c->span, "query", query, kept, max);
	if (size > max)
		span_set(c->span, "query_size", size);
}

void
pq_command_query(struct pq_command *c, const char *query)
{
	size_t size = query ? strlen(query) : 0;
	if (query)
		set_query(c, query, size, size);
}

void
pq_command_params(struct pq_command *c, int count)
{
	span_set(c->span, "params", count);
}

void
pq_command_prepare(struct pq_command *c, const char *name, const char *query)
{
	pq_command_query(c, query);
	if (name)
		span_set(c->span, "statement", name);
	c->prepares = pq_statement_new(name, query, shim_config.sql_max);
}

void
pq_command_statement(struct pq_command *c, const struct pq_statements *known, const char *name)
{
	const struct pq_statement *s = pq_statements_find(known, name);
	if (s)
		set_query(c, s->query, s->query_kept, s->query_size);
	if (name)
		span_set(c->span, "statement", name);
}

static void
set_error(struct pq_command *c, const char *code, const char *message, const struct bx__error_field *fields,
    size_t field_count)
{
	if (c->failed) /* the first is the cause */
		return;
	c->failed = true;
	size_t len = message ? strlen(message) : 0;
	while (len > 0 && message[len - 1] == '\n')
		len--;
	struct bx__error error = {.error_class = "pq",
	    .code = code,
	    .message = message,
	    .message_len = len,
	    .fields = fields,
	    .field_count = field_count};
	span_set_error(c->span, &error);
}

static void
note_error(struct pq_command *c, const struct real_pq *real, const PGresult *res)
{
	static const struct {
		const char *key;
		int code;
	} wanted[] = {
	    {"severity", PG_DIAG_SEVERITY_NONLOCALIZED},
	    {"hint", PG_DIAG_MESSAGE_HINT},
	    {"position", PG_DIAG_STATEMENT_POSITION},
	    {"schema", PG_DIAG_SCHEMA_NAME},
	    {"table", PG_DIAG_TABLE_NAME},
	    {"column", PG_DIAG_COLUMN_NAME},
	    {"datatype", PG_DIAG_DATATYPE_NAME},
	    {"constraint", PG_DIAG_CONSTRAINT_NAME},
	};
	struct bx__error_field fields[sizeof wanted / sizeof *wanted];
	size_t count = 0;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		const char *text = real->PQresultErrorField(res, wanted[i].code);
		if (text)
			fields[count++] = (struct bx__error_field){wanted[i].key, text};
	}
	const char *code = real->PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = real->PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	if (!code && c->first_code[0]) {
		code = c->first_code;
		message = c->first_message;
	}
	if (!message) /* made by libpq itself: the server is gone */
		message = real->PQresultErrorMessage(res);
	set_error(c, code, message, fields, count);
}

static void
keep(char *to, size_t cap, const char *text)
{
	size_t n = strnlen(text ? text : "", cap - 1);
	memcpy(to, text ? text : "", n);
	to[n] = '\0';
}

void
pq_command_foresee(struct pq_command *c, const struct real_pq *real, const PGresult *res)
{
	if (c->first_code[0])
		return;
	keep(c->first_code, sizeof c->first_code, real->PQresultErrorField(res, PG_DIAG_SQLSTATE));
	keep(c->first_message, sizeof c->first_message, real->PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
}

static void
note_tag(struct pq_command *c, const struct real_pq *real, const PGresult *res)
{
	const char *tag = real->PQcmdStatus((PGresult *)(uintptr_t)res);
	if (!tag || !*tag)
		return;
	if (c->tag_count < PQ_TAGS_MAX)
		keep(c->tags[c->tag_count], PQ_TAG_LEN, tag);
	c->tag_count++;
}

static void
note_rows(struct pq_command *c, const struct real_pq *real, const PGresult *res, ExecStatusType status)
{
	const char *told = real->PQcmdTuples((PGresult *)(uintptr_t)res);
	if (status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE)
		c->rows += (uint64_t)real->PQntuples(res);
	else if (told && *told)
		c->rows += strtoull(told, NULL, 10);
	else
		return;
	c->has_rows = true;
}

bool
pq_result_failed(const struct real_pq *real, const PGresult *res)
{
	ExecStatusType status = real->PQresultStatus(res);
	return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

void
pq_command_result(struct pq_command *c, const struct real_pq *real, const PGresult *res, struct pq_statement **accepted)
{
	ExecStatusType status = real->PQresultStatus(res);
	*accepted = NULL;
	c->last_ns = span_clock_ns();
	c->partial = status == PGRES_SINGLE_TUPLE || status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
		     status == PGRES_COPY_BOTH;
	switch (status) {
	case PGRES_COMMAND_OK:
		*accepted = c->prepares;
		c->prepares = NULL;
		note_rows(c, real, res, status);
		note_tag(c, real, res);
		break;
	case PGRES_SINGLE_TUPLE:
		if (c->first_row_ns == 0)
			c->first_row_ns = c->last_ns;
		note_rows(c, real, res, status);
		break;
	case PGRES_TUPLES_OK:
		note_rows(c, real, res, status);
		note_tag(c, real, res);
		break;
	case PGRES_PIPELINE_ABORTED:
		c->aborted = true;
		break;
	case PGRES_BAD_RESPONSE:
	case PGRES_FATAL_ERROR:
		note_error(c, real, res);
		break;
	default: /* an empty query, the beginning of a COPY */
		break;
	}
}

void
pq_command_failed(struct pq_command *c, const struct real_pq *real, const PGconn *pg)
{
	c->last_ns = span_clock_ns();
	set_error(c, NULL, real->PQerrorMessage(pg), NULL, 0);
}

static void
set_tags(struct pq_command *c)
{
	struct bx_slice tags[PQ_TAGS_MAX];
	uint32_t count = c->tag_count < PQ_TAGS_MAX ? c->tag_count : PQ_TAGS_MAX;
	if (count == 1)
		span_set(c->span, "command", c->tags[0]);
	if (count < 2)
		return;
	for (uint32_t i = 0; i < count; i++)
		tags[i] = bx_strn(c->tags[i], strlen(c->tags[i]));
	span_set_list(c->span, "command", tags, count);
}

static void
set_result(struct pq_command *c)
{
	int64_t end_ns = c->last_ns != 0 ? c->last_ns : span_clock_ns();
	span_set(c->span, "query_time", span_seconds(end_ns - c->begin_ns));
	if (c->first_row_ns != 0)
		span_set(c->span, "first_row_time", span_seconds(c->first_row_ns - c->begin_ns));
	if (c->has_rows)
		span_set(c->span, "row_count", c->rows);
	if (c->copied_bytes)
		span_set(c->span, "bytes", c->copied_bytes);
	set_tags(c);
}

static const char *
transaction_name(PGTransactionStatusType status)
{
	switch (status) {
	case PQTRANS_IDLE:
		return "idle";
	case PQTRANS_ACTIVE:
		return "active";
	case PQTRANS_INTRANS:
		return "intrans";
	case PQTRANS_INERROR:
		return "inerror";
	case PQTRANS_UNKNOWN:
		break;
	}
	return "unknown";
}

static void
set_port(bx_ctx *span, const char *port)
{
	char *end;
	unsigned long number = port && *port ? strtoul(port, &end, 10) : 0;
	if (number > 0 && *end == '\0')
		span_set(span, "port", number);
}

static void
set_text(bx_ctx *span, const char *key, const char *text)
{
	if (text && *text)
		bx__set_text(span, key, BX__KEY_UNKNOWN, text);
}

static void
set_connection(bx_ctx *span, const struct real_pq *real, const PGconn *pg, int server_pid)
{
	set_text(span, "db", real->PQdb(pg));
	set_text(span, "user", real->PQuser(pg));
	set_text(span, "host", real->PQhost(pg));
	set_port(span, real->PQport(pg));
	int version = real->PQserverVersion(pg);
	if (server_pid)
		span_set(span, "server_pid", server_pid);
	if (version)
		span_set(span, "server_version", version);
	span_set(span, "transaction", transaction_name(real->PQtransactionStatus(pg)));
}

void
pq_command_end(struct pq_command *c, const struct real_pq *real, const PGconn *pg, bool abandoned)
{
	pq_statement_free(&c->prepares);
	if (!c->span)
		return;
	set_result(c);
	if (c->aborted)
		span_set(c->span, "aborted", (bool)true);
	if (abandoned)
		span_set(c->span, "abandoned", (bool)true);
	set_connection(c->span, real, pg, c->server_pid);
	span_end(c->span);
	c->span = NULL;
}
