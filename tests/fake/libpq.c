/* SPDX-License-Identifier: ISC */
/*
 * A libpq without a server, for tests and benches: what a query says is what comes of it.
 *
 * A query is a list of words; each makes a result: `T3` three rows, `S3` three rows one by one and the end, `K3` three
 * rows in one chunk, `C5` a command that changed five, `D` one of a tag DEALLOCATE ALL, `E22012` an error of that code,
 * `I` a COPY in, `O2` a COPY out of two rows of four bytes, `N` an empty query, `G` the server is gone.  In a pipeline an
 * error makes the rest aborted up to the next synchronisation point.
 *
 * Public functions call one another through the PLT, as libpq's do.  -DPQ_FAKE_NEWER adds the names of libpq 16 and 17.
 */
#include <postgresql/libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pg_result {
	int status; /* ExecStatusType */
	int rows;
	char code[6];
	char tag[24];
	char told[12];
	bool is_static;
};

enum { WAITING_MAX = 64, DEEP_MAX = 32768, QUERY_MAX = 256, STATEMENTS = 8 };

/* What stands in the queue: a query, or a synchronisation point (empty text, sync). */
struct waiting {
	char text[QUERY_MAX];
	char *at; /* next word */
	bool sync, ended, plain;
};

struct pg_conn {
	struct waiting first[WAITING_MAX];
	struct waiting *deep; /* in its place, once that many are in flight */
	int head, count;
	bool busy, in_pipeline, aborted, copying, single, bad;
	int copy_rows, pid, rows_left;
	char message[128];
	char names[STATEMENTS][32], texts[STATEMENTS][QUERY_MAX];
	PQnoticeProcessor notice;
	void *notice_arg;
};

static int pids = 100;

/* ---- results ---- */

static PGresult *
result(int status, int rows, const char *tag)
{
	PGresult *r = calloc(1, sizeof *r);
	r->status = status;
	r->rows = rows;
	snprintf(r->tag, sizeof r->tag, "%s", tag);
	return r;
}

static PGresult *
counted(int status, int rows, const char *word, int told)
{
	PGresult *r = result(status, rows, "");
	snprintf(r->tag, sizeof r->tag, "%s %d", word, told);
	snprintf(r->told, sizeof r->told, "%d", told);
	return r;
}

static PGresult *
failed(PGconn *c, const char *code)
{
	PGresult *r = result(PGRES_FATAL_ERROR, 0, "");
	snprintf(r->code, sizeof r->code, "%.5s", code);
	snprintf(c->message, sizeof c->message, "ERROR:  it went wrong\n");
	c->aborted = c->in_pipeline;
	return r;
}

static PGresult *
gone(PGconn *c)
{
	c->bad = true;
	c->pid = 0;
	snprintf(c->message, sizeof c->message, "server closed the connection unexpectedly\n");
	return result(PGRES_FATAL_ERROR, 0, "");
}

/* ---- the queue ---- */

static struct waiting *
at(PGconn *c, int i)
{
	return c->deep ? &c->deep[(c->head + i) % DEEP_MAX] : &c->first[(c->head + i) % WAITING_MAX];
}

static struct waiting *
head(PGconn *c)
{
	return c->count ? at(c, 0) : NULL;
}

static void
deepen(PGconn *c)
{
	struct waiting *deep = malloc(DEEP_MAX * sizeof *deep);
	for (int i = 0; i < c->count; i++) {
		deep[i] = *at(c, i);
		if (deep[i].at)
			deep[i].at = deep[i].text + (at(c, i)->at - at(c, i)->text);
	}
	c->deep = deep;
	c->head = 0;
}

static void
pop(PGconn *c)
{
	c->head = (c->head + 1) % (c->deep ? DEEP_MAX : WAITING_MAX);
	c->count--;
}

static struct waiting *
push(PGconn *c, const char *text)
{
	if (c->count == DEEP_MAX || strlen(text) >= QUERY_MAX)
		return NULL;
	if (c->count == WAITING_MAX && !c->deep)
		deepen(c);
	struct waiting *w = at(c, c->count++);
	*w = (struct waiting){0};
	strcpy(w->text, text);
	w->at = w->text;
	return w;
}

static PGresult *
rows_one_by_one(PGconn *c, struct waiting *w, int n, int status, int each)
{
	if (c->rows_left < 0)
		c->rows_left = n;
	if (c->rows_left > 0) {
		c->rows_left -= each;
		return result(status, each, "");
	}
	c->rows_left = -1;
	strsep(&w->at, " ");
	return counted(PGRES_TUPLES_OK, 0, "SELECT", n);
}

static PGresult *
next_of(PGconn *c, struct waiting *w)
{
	char *word = w->at;
	int n = atoi(word + 1);
	if (*word == 'S')
		return rows_one_by_one(c, w, n, PGRES_SINGLE_TUPLE, 1);
	if (*word == 'K')
		return rows_one_by_one(c, w, n, 12 /* PGRES_TUPLES_CHUNK */, n);
	strsep(&w->at, " ");
	switch (*word) {
	case 'T':
		return counted(PGRES_TUPLES_OK, n, "SELECT", n);
	case 'C':
		return counted(PGRES_COMMAND_OK, 0, "UPDATE", n);
	case 'D':
		return result(PGRES_COMMAND_OK, 0, "DEALLOCATE ALL");
	case 'E':
		w->at = NULL; /* nothing of the text behind it is carried out */
		return failed(c, word + 1);
	case 'I':
	case 'O':
		c->copying = true;
		c->copy_rows = n;
		return result(*word == 'I' ? PGRES_COPY_IN : PGRES_COPY_OUT, 0, "");
	case 'G':
		w->at = NULL;
		return gone(c);
	case 'N':
		return result(PGRES_EMPTY_QUERY, 0, "");
	case '!': /* a notice, whose processor may not come back */
		if (c->notice)
			c->notice(c->notice_arg, "NOTICE:  look\n");
		return result(PGRES_COMMAND_OK, 0, "DO");
	default:
		return result(PGRES_COMMAND_OK, 0, "");
	}
}

PGresult *
PQgetResult(PGconn *c)
{
	struct waiting *w = head(c);
	if (!w)
		return NULL;
	if (c->copying)
		return result(PGRES_COPY_IN, 0, "");
	if (w->sync) {
		pop(c);
		c->aborted = false;
		return result(PGRES_PIPELINE_SYNC, 0, "");
	}
	if (c->aborted && w->at && w->at == w->text) {
		w->at = NULL;
		return result(PGRES_PIPELINE_ABORTED, 0, "");
	}
	if (w->at && *w->at)
		return next_of(c, w);
	pop(c);
	return NULL;
}

/* ---- sending ---- */

static int
refuse(PGconn *c, const char *why)
{
	snprintf(c->message, sizeof c->message, "%s\n", why);
	return 0;
}

static int
send_text(PGconn *c, const char *text)
{
	if (c->bad)
		return refuse(c, "no connection to the server");
	if (!text)
		return refuse(c, "command string is a null pointer");
	if (c->count && !c->in_pipeline)
		return refuse(c, "another command is already in progress");
	c->rows_left = -1;
	return push(c, text) || refuse(c, "out of memory");
}

int
PQsendQuery(PGconn *c, const char *query)
{
	return send_text(c, query);
}

int
PQsendQueryParams(PGconn *c, const char *query, int n, const Oid *types, const char *const *values, const int *lengths,
    const int *formats, int format)
{
	(void)n, (void)types, (void)values, (void)lengths, (void)formats, (void)format;
	return send_text(c, query);
}

static char *
text_of(PGconn *c, const char *name, bool make)
{
	for (int i = 0; i < STATEMENTS; i++)
		if (strcmp(c->names[i], name) == 0 && c->texts[i][0])
			return c->texts[i];
	for (int i = 0; make && i < STATEMENTS; i++)
		if (!c->texts[i][0]) {
			snprintf(c->names[i], sizeof c->names[i], "%s", name);
			return c->texts[i];
		}
	return NULL;
}

int
PQsendPrepare(PGconn *c, const char *name, const char *query, int n, const Oid *types)
{
	(void)n, (void)types;
	if (!send_text(c, *query == 'E' ? query : "-"))
		return 0;
	char *text = *query == 'E' ? NULL : text_of(c, name, true);
	if (text)
		snprintf(text, QUERY_MAX, "%s", query);
	return 1;
}

int
PQsendQueryPrepared(
    PGconn *c, const char *name, int n, const char *const *values, const int *lengths, const int *formats, int format)
{
	(void)n, (void)values, (void)lengths, (void)formats, (void)format;
	const char *text = text_of(c, name, false);
	return send_text(c, text ? text : "E26000");
}

int
PQsendDescribePrepared(PGconn *c, const char *name)
{
	return send_text(c, text_of(c, name, false) ? "-" : "E26000");
}

int
PQsendDescribePortal(PGconn *c, const char *name)
{
	return send_text(c, *name ? "E34000" : "-");
}

/* ---- and waiting ---- */

static bool
start(PGconn *c)
{
	PGresult *left;
	if (c->in_pipeline) {
		refuse(c, "synchronous command execution functions are not allowed in pipeline mode");
		return false;
	}
	c->copying = false;
	while ((left = PQgetResult(c)))
		PQclear(left);
	return true;
}

static PGresult *
finish(PGconn *c)
{
	PGresult *last = NULL, *next;
	while ((next = PQgetResult(c))) {
		PQclear(last);
		last = next;
		if (last->status == PGRES_COPY_IN || last->status == PGRES_COPY_OUT)
			break;
	}
	return last;
}

PGresult *
PQexec(PGconn *c, const char *query)
{
	return start(c) && PQsendQuery(c, query) ? finish(c) : NULL;
}

PGresult *
PQexecParams(PGconn *c, const char *query, int n, const Oid *types, const char *const *values, const int *lengths,
    const int *formats, int format)
{
	return start(c) && PQsendQueryParams(c, query, n, types, values, lengths, formats, format) ? finish(c) : NULL;
}

PGresult *
PQprepare(PGconn *c, const char *name, const char *query, int n, const Oid *types)
{
	return start(c) && PQsendPrepare(c, name, query, n, types) ? finish(c) : NULL;
}

PGresult *
PQexecPrepared(
    PGconn *c, const char *name, int n, const char *const *values, const int *lengths, const int *formats, int format)
{
	return start(c) && PQsendQueryPrepared(c, name, n, values, lengths, formats, format) ? finish(c) : NULL;
}

PGresult *
PQdescribePrepared(PGconn *c, const char *name)
{
	return start(c) && PQsendDescribePrepared(c, name) ? finish(c) : NULL;
}

PGresult *
PQdescribePortal(PGconn *c, const char *name)
{
	return start(c) && PQsendDescribePortal(c, name) ? finish(c) : NULL;
}

PGresult *
PQfn(PGconn *c, int function, int *buffer, int *len, int is_int, const PQArgBlock *args, int n)
{
	(void)buffer, (void)len, (void)is_int, (void)args, (void)n;
	return function == 0 ? failed(c, "42883") : result(PGRES_COMMAND_OK, 0, "");
}

int
PQsetClientEncoding(PGconn *c, const char *encoding)
{
	char text[32];
	snprintf(text, sizeof text, "%s", strcmp(encoding, "odd") == 0 ? "E22023" : "C0");
	PGresult *r = PQexec(c, text);
	int bad = !r || r->status != PGRES_COMMAND_OK;
	PQclear(r);
	return bad ? -1 : 0;
}

char *
PQencryptPasswordConn(PGconn *c, const char *password, const char *user, const char *algorithm)
{
	(void)user;
	if (!algorithm)
		PQclear(PQexec(c, "T1"));
	return strdup(password && *password ? "SCRAM-SHA-256$..." : "");
}

/* ---- large objects: object 1 is there ---- */

static int
call_server(PGconn *c, bool good)
{
	PGresult *r = PQfn(c, good, NULL, NULL, 1, NULL, 0);
	int status = r->status;
	PQclear(r);
	return status == PGRES_COMMAND_OK ? 0 : -1;
}

int
lo_open(PGconn *c, Oid oid, int mode)
{
	(void)mode;
	PQclear(PQexec(c, "T12")); /* as lo_initialize() looks the functions up */
	return call_server(c, oid == 1);
}

int
lo_close(PGconn *c, int fd)
{
	return call_server(c, fd == 0);
}

int
lo_read(PGconn *c, int fd, char *buffer, size_t n)
{
	(void)buffer;
	return call_server(c, fd == 0) ? -1 : (int)n;
}

int
lo_write(PGconn *c, int fd, const char *buffer, size_t n)
{
	(void)buffer;
	return call_server(c, fd == 0) ? -1 : (int)n;
}

#define LO_NUMBER(type, name, args)                                                                                    \
	type name args                                                                                                 \
	{                                                                                                              \
		return call_server(c, fd == 0);                                                                        \
	}
LO_NUMBER(int, lo_lseek, (PGconn * c, int fd, int offset __attribute__((unused)), int whence __attribute__((unused))))
LO_NUMBER(pg_int64, lo_lseek64,
    (PGconn * c, int fd, pg_int64 offset __attribute__((unused)), int whence __attribute__((unused))))
LO_NUMBER(int, lo_tell, (PGconn * c, int fd))
LO_NUMBER(pg_int64, lo_tell64, (PGconn * c, int fd))
LO_NUMBER(int, lo_truncate, (PGconn * c, int fd, size_t n __attribute__((unused))))
LO_NUMBER(int, lo_truncate64, (PGconn * c, int fd, pg_int64 n __attribute__((unused))))

Oid
lo_creat(PGconn *c, int mode)
{
	(void)mode;
	return call_server(c, true) ? InvalidOid : 1;
}

Oid
lo_create(PGconn *c, Oid oid)
{
	return call_server(c, oid <= 1) ? InvalidOid : 1;
}

int
lo_unlink(PGconn *c, Oid oid)
{
	return call_server(c, oid == 1) ? -1 : 1;
}

Oid
lo_import_with_oid(PGconn *c, const char *path, Oid oid)
{
	(void)oid;
	if (!*path || lo_creat(c, 0) == InvalidOid || lo_open(c, 1, 0) < 0) {
		refuse(c, "could not open file");
		return InvalidOid;
	}
	lo_write(c, 0, "abc", 3);
	lo_close(c, 0);
	return 1;
}

Oid
lo_import(PGconn *c, const char *path)
{
	return lo_import_with_oid(c, path, InvalidOid);
}

int
lo_export(PGconn *c, Oid oid, const char *path)
{
	char buffer[4];
	(void)path;
	if (lo_open(c, oid, 0) < 0)
		return -1;
	lo_read(c, 0, buffer, sizeof buffer);
	lo_close(c, 0);
	return 1;
}

/* ---- copies ---- */

int
PQputCopyData(PGconn *c, const char *buffer, int n)
{
	(void)buffer, (void)n;
	return c->copying ? 1 : -1;
}

int
PQputCopyEnd(PGconn *c, const char *reason)
{
	if (!c->copying || !c->count)
		return -1;
	c->copying = false;
	char *text = at(c, 0)->text;
	strcpy(text, reason ? "E57014" : "C3");
	at(c, 0)->at = text;
	return 1;
}

int
PQgetCopyData(PGconn *c, char **buffer, int async)
{
	if (!c->copying)
		return -2;
	if (async && c->copy_rows % 2 && c->busy) {
		c->busy = false;
		return 0;
	}
	if (c->copy_rows-- > 0) {
		*buffer = strdup("row\n");
		c->busy = true;
		return 4;
	}
	c->copying = false;
	char *text = at(c, 0)->text;
	strcpy(text, "C2");
	at(c, 0)->at = text;
	return -1;
}

int
PQgetline(PGconn *c, char *buffer, int size)
{
	char *row;
	int n = PQgetCopyData(c, &row, 0);
	if (n > 0)
		free(row);
	snprintf(buffer, (size_t)size, "%s", n > 0 ? "row" : "\\.");
	return n < -1 ? EOF : 0;
}

int
PQgetlineAsync(PGconn *c, char *buffer, int size)
{
	char *row;
	int n = PQgetCopyData(c, &row, 1);
	if (n > 0) {
		snprintf(buffer, (size_t)size, "%s", row);
		free(row);
	}
	return n;
}

int
PQputnbytes(PGconn *c, const char *bytes, int n)
{
	return PQputCopyData(c, bytes, n) > 0 ? 0 : EOF;
}

int
PQputline(PGconn *c, const char *line)
{
	return PQputnbytes(c, line, (int)strlen(line));
}

int
PQendcopy(PGconn *c)
{
	if (c->copying)
		PQputCopyEnd(c, NULL);
	PGresult *r = PQgetResult(c);
	int bad = !r || r->status != PGRES_COMMAND_OK;
	PQclear(r);
	c->count = 0;
	return bad;
}

/* ---- modes ---- */

int
PQsetSingleRowMode(PGconn *c)
{
	return c->count ? (c->single = true) : refuse(c, "no command");
}

int
PQconsumeInput(PGconn *c)
{
	return !c->bad && !(c->count && head(c)->at && *head(c)->at == 'B') ? 1 : refuse(c, "could not receive data");
}

int
PQenterPipelineMode(PGconn *c)
{
	return !c->count ? (c->in_pipeline = true) : refuse(c, "connection not idle");
}

int
PQexitPipelineMode(PGconn *c)
{
	if (c->count)
		return refuse(c, "cannot exit pipeline mode with uncollected results");
	c->in_pipeline = false;
	return 1;
}

int
PQpipelineSync(PGconn *c)
{
	struct waiting *w = c->in_pipeline ? push(c, "") : NULL;
	if (!w)
		return refuse(c, "cannot send pipeline when not in pipeline mode");
	return w->sync = true;
}

int
PQsendFlushRequest(PGconn *c)
{
	return !c->bad || refuse(c, "no connection to the server");
}

PGpipelineStatus
PQpipelineStatus(const PGconn *c)
{
	return !c->in_pipeline ? PQ_PIPELINE_OFF : c->aborted ? PQ_PIPELINE_ABORTED : PQ_PIPELINE_ON;
}

/* ---- connections: `bad` cannot be reached ---- */

static PGconn *
connection(const char *info)
{
	PGconn *c = calloc(1, sizeof *c);
	c->rows_left = -1;
	c->bad = strcmp(info, "bad") == 0;
	c->pid = c->bad ? 0 : pids++;
	if (c->bad)
		refuse(c, "connection refused");
	return c;
}

PGconn *
PQconnectStart(const char *info)
{
	return connection(info);
}

PostgresPollingStatusType
PQconnectPoll(PGconn *c)
{
	c->busy = !c->busy;
	return c->busy ? PGRES_POLLING_READING : c->bad ? PGRES_POLLING_FAILED : PGRES_POLLING_OK;
}

PGconn *
PQconnectdb(const char *info)
{
	PGconn *c = PQconnectStart(info);
	while (PQconnectPoll(c) == PGRES_POLLING_READING)
		;
	return c;
}

PGconn *
PQconnectStartParams(const char *const *keys, const char *const *values, int expand)
{
	(void)keys, (void)expand;
	return PQconnectStart(values && *values ? *values : "");
}

PGconn *
PQconnectdbParams(const char *const *keys, const char *const *values, int expand)
{
	(void)keys, (void)expand;
	return PQconnectdb(values && *values ? *values : "");
}

PGconn *
PQsetdbLogin(const char *host, const char *port, const char *options, const char *tty, const char *db, const char *user,
    const char *password)
{
	(void)port, (void)options, (void)tty, (void)db, (void)user, (void)password;
	return PQconnectdb(host ? host : "");
}

int
PQresetStart(PGconn *c)
{
	free(c->deep);
	*c = (PGconn){.rows_left = -1, .pid = pids++};
	return 1;
}

PostgresPollingStatusType
PQresetPoll(PGconn *c)
{
	return PQconnectPoll(c);
}

void
PQreset(PGconn *c)
{
	PQresetStart(c);
}

PGPing
PQping(const char *info)
{
	PGconn *c = PQconnectdb(info);
	PGPing answer = c->bad ? PQPING_NO_RESPONSE : PQPING_OK;
	PQfinish(c);
	return answer;
}

PGPing
PQpingParams(const char *const *keys, const char *const *values, int expand)
{
	(void)keys, (void)expand;
	return PQping(values && *values ? *values : "");
}

void
PQfinish(PGconn *c)
{
	free(c->deep);
	free(c);
}

int
PQcancel(PGcancel *cancel, char *message, int size)
{
	snprintf(message, (size_t)size, "%s", cancel ? "" : "no cancel object");
	return cancel != NULL;
}

int
PQrequestCancel(PGconn *c)
{
	return !c->bad;
}

/* ---- what is told of them ---- */

#define TELLS(type, name, args, value)                                                                                 \
	type name args                                                                                                 \
	{                                                                                                              \
		return value;                                                                                          \
	}
TELLS(ExecStatusType, PQresultStatus, (const PGresult *r), r ? (ExecStatusType)r->status : PGRES_FATAL_ERROR)
TELLS(char *, PQcmdStatus, (PGresult * r), r->tag)
TELLS(char *, PQcmdTuples, (PGresult * r), r->told)
TELLS(int, PQntuples, (const PGresult *r), r->rows)
TELLS(char *, PQresultErrorMessage, (const PGresult *r),
    r->code[0] ? "ERROR:  it went wrong\n" : "server closed the connection\n")
TELLS(char *, PQerrorMessage, (const PGconn *c), (char *)(c ? c->message : "no connection"))
TELLS(ConnStatusType, PQstatus, (const PGconn *c), c && !c->bad ? CONNECTION_OK : CONNECTION_BAD)
TELLS(char *, PQdb, (const PGconn *c), c ? "db" : NULL)
TELLS(char *, PQuser, (const PGconn *c), c ? "me" : NULL)
TELLS(char *, PQhost, (const PGconn *c), c ? "/run/pg" : NULL)
TELLS(char *, PQport, (const PGconn *c), c ? "5432" : NULL)
TELLS(char *, PQpass, (const PGconn *c), c ? "secret" : NULL)
TELLS(int, PQbackendPID, (const PGconn *c), c->pid)
TELLS(int, PQserverVersion, (const PGconn *c), c->bad ? 0 : 150000)
TELLS(const char *, PQparameterStatus, (const PGconn *c, const char *name), c &&*name ? "on" : NULL)
TELLS(PGTransactionStatusType, PQtransactionStatus, (const PGconn *c),
    c->bad     ? PQTRANS_UNKNOWN
    : c->count ? PQTRANS_ACTIVE
	       : PQTRANS_IDLE)

char *
PQresultErrorField(const PGresult *r, int field)
{
	if (!r->code[0])
		return NULL;
	return field == PG_DIAG_SQLSTATE                ? (char *)r->code
	       : field == PG_DIAG_MESSAGE_PRIMARY       ? "it went wrong"
	       : field == PG_DIAG_SEVERITY_NONLOCALIZED ? "ERROR"
	       : field == PG_DIAG_MESSAGE_DETAIL        ? "Key (id)=(42) is there."
							: NULL;
}

PQnoticeProcessor
PQsetNoticeProcessor(PGconn *c, PQnoticeProcessor notice, void *arg)
{
	PQnoticeProcessor old = c->notice;
	c->notice = notice;
	c->notice_arg = arg;
	return old;
}

void
PQclear(PGresult *r)
{
	if (r && !r->is_static)
		free(r);
}

void
PQfreemem(void *p)
{
	free(p);
}

#ifdef PQ_FAKE_NEWER
struct pg_cancel_conn {
	PGconn *c;
	bool polled;
};
typedef struct pg_cancel_conn PGcancelConn;

int
PQsendClosePrepared(PGconn *c, const char *name)
{
	char *text = text_of(c, name, false);
	if (text)
		*text = '\0';
	return send_text(c, "-");
}

int
PQsendClosePortal(PGconn *c, const char *name)
{
	(void)name;
	return send_text(c, "-");
}

PGresult *
PQclosePrepared(PGconn *c, const char *name)
{
	return start(c) && PQsendClosePrepared(c, name) ? finish(c) : NULL;
}

PGresult *
PQclosePortal(PGconn *c, const char *name)
{
	return start(c) && PQsendClosePortal(c, name) ? finish(c) : NULL;
}

PGresult *
PQchangePassword(PGconn *c, const char *user, const char *password)
{
	free(PQencryptPasswordConn(c, password, user, NULL));
	return PQexec(c, "C0");
}

int
PQsetChunkedRowsMode(PGconn *c, int rows)
{
	return rows > 0 && c->count ? 1 : refuse(c, "no command");
}

int
PQsendPipelineSync(PGconn *c)
{
	return PQpipelineSync(c);
}

PGcancelConn *
PQcancelCreate(PGconn *c)
{
	PGcancelConn *cancel = calloc(1, sizeof *cancel);
	cancel->c = c;
	return cancel;
}

int
PQcancelBlocking(PGcancelConn *cancel)
{
	return !cancel->c->bad;
}

int
PQcancelStart(PGcancelConn *cancel)
{
	return !cancel->c->bad;
}

PostgresPollingStatusType
PQcancelPoll(PGcancelConn *cancel)
{
	cancel->polled = !cancel->polled;
	return cancel->polled ? PGRES_POLLING_READING : PGRES_POLLING_OK;
}

char *
PQcancelErrorMessage(const PGcancelConn *cancel)
{
	return cancel->c->bad ? "cannot cancel" : "";
}

void
PQcancelReset(PGcancelConn *cancel)
{
	cancel->polled = false;
}

void
PQcancelFinish(PGcancelConn *cancel)
{
	free(cancel);
}
#endif
