/* SPDX-License-Identifier: ISC */
#include "preload/pq_command.h"

#include <stdlib.h>
#include <string.h>

#include "preload/pq_error.h"
#include "preload/sql.h"

enum { NAME_SHOWN = 255, VALUES_SHOWN = 64, VALUE_SHOWN = 256 };

void
pq_command_begin(struct pq_command *c)
{
	c->next = NULL;
	c->unseen = (struct pq_unseen){0};
	c->is_sync = c->answered = c->partial = c->failed = c->broken = c->aborted = c->has_rows = false;
	c->whole_seen = c->errors_seen = c->forgets_all = false;
	c->first_row_ns = c->last_ns = 0;
	c->rows = c->copied_bytes = 0;
	c->prepares = NULL;
	c->forgets[0] = c->first_code[0] = '\0';
	c->tag_count = 0;
	c->asked.count = 0;
	c->span = span_begin_at(".sql", &c->begin_ns);
}

/* ---- what is asked ----------------------------------------------------------------------------------------------- */

static void
keep(char *to, size_t cap, const char *text)
{
	size_t n = strnlen(text ? text : "", cap - 1);
	memcpy(to, text ? text : "", n);
	to[n] = '\0';
}

/* PREPARE name [(types)] AS query: the query, which is the rest of the text. */
static void
look_at_prepare(struct pq_command *c, struct sql_lexer *lexer, enum pq_text how)
{
	struct sql_token t;
	char name[PQ_NAME_MAX];
	if (!sql_next_word(lexer, &t) || !sql_name(&t, name, sizeof name))
		return;
	while (sql_next_word(lexer, &t))
		if (sql_is_word(&t, "as"))
			break;
	if (sql_next_word(lexer, &t))
		c->prepares = pq_statement_new(name, t.at, (size_t)(lexer->end - t.at), how);
}

/* DEALLOCATE [PREPARE] name; of ALL the tag will tell. */
static void
look_at_deallocate(struct pq_command *c, struct sql_lexer *lexer)
{
	struct sql_token t;
	bool named = sql_next_word(lexer, &t);
	if (named && sql_is_word(&t, "prepare"))
		named = sql_next_word(lexer, &t);
	if (!named || !sql_name(&t, c->forgets, sizeof c->forgets))
		c->forgets[0] = '\0';
}

/* SQL has its own way to prepare statements and to take them away; the names are the same. */
static void
look_at_sql(struct pq_command *c, const char *query, size_t size, enum pq_text how)
{
	struct sql_lexer lexer = {query, query + size, how == PQ_STRIPPED_BACKSLASHES};
	struct sql_token t;
	char first = *query;
	if ((first > '/' && (first | 0x20) != 'p' && (first | 0x20) != 'd') || !sql_next_word(&lexer, &t))
		return;
	if (sql_is_word(&t, "prepare"))
		look_at_prepare(c, &lexer, how);
	else if (sql_is_word(&t, "deallocate"))
		look_at_deallocate(c, &lexer);
}

static size_t
name_length(const char *name)
{
	return name ? pack_cut(name, strlen(name), NAME_SHOWN) : 0;
}

static void
pack_name(struct pack *p, const char *key, size_t key_len, const char *name)
{
	if (!name)
		return;
	pack_key(p, key, key_len);
	pack_text(p, name, name_length(name));
}

static bool
is_binary(const struct pq_asked *asked, int i)
{
	return asked->formats && asked->formats[i] == 1 && asked->lengths;
}

static size_t
value_length(const struct pq_asked *asked, int i)
{
	size_t n = is_binary(asked, i) ? (size_t)asked->lengths[i] : strlen(asked->values[i]);
	return n < VALUE_SHOWN || is_binary(asked, i) ? (n < VALUE_SHOWN ? n : VALUE_SHOWN)
						      : pack_cut(asked->values[i], n, VALUE_SHOWN);
}

static int
values_shown(const struct pq_asked *asked)
{
	if (!shim_config.sql_params || !asked->values || asked->param_count <= 0)
		return 0;
	return asked->param_count < VALUES_SHOWN ? asked->param_count : VALUES_SHOWN;
}

static void
pack_values(struct pack *p, const struct pq_asked *asked)
{
	int count = values_shown(asked);
	if (!count)
		return;
	PACK_KEY(p, "param_values");
	p->at = mp_put_array_header(p->at, (uint32_t)count);
	for (int i = 0; i < count; i++) {
		if (!asked->values[i])
			p->at = mp_put_nil(p->at);
		else if (is_binary(asked, i))
			pack_bytes(p, asked->values[i], value_length(asked, i));
		else
			pack_text(p, asked->values[i], value_length(asked, i));
	}
}

static size_t
room_for(const struct pq_asked *asked, size_t size, const struct pq_statement *statement)
{
	size_t most = 160 + name_length(asked->function) + name_length(asked->statement) + name_length(asked->portal);
	most += asked->query ? pq_text_room(size) : statement ? statement->fields_len : 0;
	for (int i = 0; i < values_shown(asked); i++)
		most += PACK_MORE + (asked->values[i] ? value_length(asked, i) : 0);
	return most;
}

void
pq_command_ask(struct pq_command *c, const struct pq_asked *asked, size_t size, const struct pq_statements *known,
    enum pq_text how)
{
	enum { OTHER_FIELDS = 5 };
	const struct pq_statement *statement = NULL;
	if (asked->prepares && asked->query && asked->statement)
		statement = c->prepares = pq_statement_new(asked->statement, asked->query, size, how);
	else if (asked->query)
		look_at_sql(c, asked->query, size, how);
	else if (known && asked->statement)
		statement = pq_statements_find(known, asked->statement);
	if (asked->forgets)
		keep(c->forgets, sizeof c->forgets, asked->statement);

	struct pack p = span_open(c->span, room_for(asked, size, statement), OTHER_FIELDS + PQ_TEXT_FIELDS);
	if (!p.at)
		return;
	pack_name(&p, "function", 8, asked->function);
	if (statement)
		pack_fields(&p, statement->fields, statement->fields_len, statement->field_count);
	else if (asked->query)
		pq_text_pack(&p, asked->query, size, how);
	pack_name(&p, "statement", 9, asked->statement);
	pack_name(&p, "portal", 6, asked->portal);
	if (asked->has_params) {
		PACK_KEY(&p, "params");
		pack_uint(&p, asked->param_count > 0 ? (uint64_t)asked->param_count : 0);
		pack_values(&p, asked);
	}
	span_close(&p);
}

/* ---- what comes of it -------------------------------------------------------------------------------------------- */

void
pq_command_foresee(struct pq_command *c, const struct real_pq *real, const PGresult *res)
{
	if (c->first_code[0])
		return;
	keep(c->first_code, sizeof c->first_code, real->PQresultErrorField(res, PG_DIAG_SQLSTATE));
	keep(c->first_message, sizeof c->first_message, real->PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
}

static void
note_error(struct pq_command *c, const struct real_pq *real, const PGresult *res)
{
	if (c->failed) /* the first is the cause */
		return;
	c->failed = true;
	pq_error_result(c->span, real, res, c->first_code[0] ? c->first_code : NULL, c->first_message);
}

void
pq_command_failed(struct pq_command *c, const struct real_pq *real, const PGconn *pg)
{
	if (c->failed)
		return;
	c->failed = true;
	if (c->first_code[0])
		pq_error_text(c->span, c->first_code, c->first_message);
	else
		pq_error_text(c->span, NULL, real->PQerrorMessage(pg));
}

static void
keep_tag(struct pq_tag *kept, const char *tag)
{
	struct pack p = {.at = kept->packed};
	pack_text(&p, tag, strnlen(tag, PQ_TAG_LEN - 1));
	kept->len = (uint8_t)(p.at - kept->packed);
}

static void
note_tag(struct pq_command *c, const struct real_pq *real, const PGresult *res)
{
	const char *tag = real->PQcmdStatus((PGresult *)(uintptr_t)res);
	if (!tag || !*tag)
		return;
	if (*tag == 'D' && (strcmp(tag, "DEALLOCATE ALL") == 0 || strcmp(tag, "DISCARD ALL") == 0))
		c->forgets_all = true;
	if (c->tag_count < PQ_TAGS_MAX)
		keep_tag(&c->tags[c->tag_count], tag);
	c->tag_count++;
}

static void
note_rows(struct pq_command *c, const struct real_pq *real, const PGresult *res)
{
	c->rows += (uint64_t)real->PQntuples(res);
	c->has_rows = true;
}

static void
note_rows_told(struct pq_command *c, const struct real_pq *real, const PGresult *res)
{
	const char *told = real->PQcmdTuples((PGresult *)(uintptr_t)res);
	if (!told || !*told)
		return;
	c->rows += strtoull(told, NULL, 10);
	c->has_rows = true;
}

bool
pq_result_failed(const struct real_pq *real, const PGresult *res)
{
	ExecStatusType status = real->PQresultStatus(res);
	return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

/* The rows of a result that is one of many are counted without looking at the clock for each. */
static void
note_some_rows(struct pq_command *c, const struct real_pq *real, const PGresult *res)
{
	c->partial = true;
	if (c->first_row_ns == 0)
		c->first_row_ns = span_clock_ns();
	note_rows(c, real, res);
}

bool
pq_command_result(struct pq_command *c, const struct real_pq *real, const PGresult *res)
{
	enum { TUPLES_CHUNK = 12 }; /* libpq 17 */
	ExecStatusType status = real->PQresultStatus(res);
	c->answered = true;
	if (status == PGRES_SINGLE_TUPLE || (int)status == TUPLES_CHUNK) {
		note_some_rows(c, real, res);
		return false;
	}
	c->partial = status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
	switch (status) {
	case PGRES_COMMAND_OK:
		note_rows_told(c, real, res);
		note_tag(c, real, res);
		return true;
	case PGRES_TUPLES_OK:
		note_rows(c, real, res);
		note_tag(c, real, res);
		return false;
	case PGRES_PIPELINE_ABORTED:
		c->aborted = true;
		return false;
	case PGRES_BAD_RESPONSE:
	case PGRES_FATAL_ERROR:
		note_error(c, real, res);
		return false;
	default: /* an empty query, the beginning of a COPY */
		return false;
	}
}

/* ---- the event --------------------------------------------------------------------------------------------------- */

/* `transaction` and how it stands, as they are in the event. */
static void
pack_transaction(struct pack *p, PGTransactionStatusType status)
{
#define STANDS(word)                                                                                                   \
	{                                                                                                              \
		"\xab"                                                                                                 \
		"transaction" word,                                                                                    \
		    sizeof("\xab"                                                                                      \
			   "transaction" word) -                                                                       \
			1                                                                                              \
	}
	static const struct {
		const char *field;
		size_t len;
	} stands[] = {
	    [PQTRANS_IDLE] = STANDS("\xa4"
				    "idle"),
	    [PQTRANS_ACTIVE] = STANDS("\xa6"
				      "active"),
	    [PQTRANS_INTRANS] = STANDS("\xa7"
				       "intrans"),
	    [PQTRANS_INERROR] = STANDS("\xa7"
				       "inerror"),
	    [PQTRANS_UNKNOWN] = STANDS("\xa7"
				       "unknown"),
	};
#undef STANDS
	unsigned i = (unsigned)status < PQTRANS_UNKNOWN ? (unsigned)status : PQTRANS_UNKNOWN;
	pack_fields(p, (const uint8_t *)stands[i].field, stands[i].len, 1);
}

static uint32_t
tags_shown(const struct pq_command *c)
{
	return c->tag_count < PQ_TAGS_MAX ? c->tag_count : PQ_TAGS_MAX;
}

static void
pack_tags(struct pack *p, const struct pq_command *c)
{
	uint32_t count = tags_shown(c);
	if (count == 0)
		return;
	PACK_KEY(p, "command");
	if (count > 1)
		p->at = mp_put_array_header(p->at, count);
	for (uint32_t i = 0; i < count; i++)
		pack_fields(p, c->tags[i].packed, c->tags[i].len, 0);
}

static void
pack_result(struct pack *p, const struct pq_command *c, int64_t end_ns)
{
	PACK_KEY(p, "query_time");
	pack_double(p, span_seconds(end_ns - c->begin_ns));
	if (c->first_row_ns != 0) {
		PACK_KEY(p, "first_row_time");
		pack_double(p, span_seconds(c->first_row_ns - c->begin_ns));
	}
	if (c->has_rows) {
		PACK_KEY(p, "row_count");
		pack_uint(p, c->rows);
	}
	if (c->copied_bytes) {
		PACK_KEY(p, "bytes");
		pack_uint(p, c->copied_bytes);
	}
	pack_tags(p, c);
}

/* What keys and values that are always the same size, or numbers, take at most. */
enum { END_FIXED = 256, END_FIELDS = 9 + PQ_SESSION_FIELDS };

void
pq_command_end(struct pq_command *c, const struct real_pq *real, const PGconn *pg, const struct pq_session *session,
    bool abandoned)
{
	if (c->prepares)
		pq_statement_free(&c->prepares);
	if (!c->span)
		return;
	if (c->broken && abandoned)
		pq_command_failed(c, real, pg);
	PGTransactionStatusType transaction = real->PQtransactionStatus(pg);
	int64_t end_ns = c->last_ns != 0 && !c->partial ? c->last_ns : span_clock_ns();
	size_t most = END_FIXED + session->len + tags_shown(c) * (PQ_TAG_LEN + PACK_MORE);
	span_note_slow(c->span, KIND_SQL, end_ns - c->begin_ns, &c->asked);
	struct pack p = span_open(c->span, most, END_FIELDS);
	if (p.at) {
		pack_result(&p, c, end_ns);
		if (c->aborted) {
			PACK_KEY(&p, "aborted");
			pack_true(&p);
		}
		if (abandoned) {
			PACK_KEY(&p, "abandoned");
			pack_true(&p);
		}
		pack_fields(&p, session->fields, session->len, session->count);
		pack_transaction(&p, transaction);
		span_close_end(&p, end_ns);
	} else {
		span_end_at(c->span, end_ns);
	}
	c->span = NULL;
}
