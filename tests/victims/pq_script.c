/* SPDX-License-Identifier: ISC */
/*
 * pq_script: carries out calls of libpq that are read from standard input, a row a line, over the libpq of tests/fake, and
 * prints what each call returned.  `exec:T1_C2` calls PQexec with "T1 C2".  Each row has a connection of its own, and is
 * announced by PQping("row").
 */
/* LIBS: -L@B@/fake/newer -lpq -ldl */
#include <dlfcn.h>
#include <postgresql/libpq-fe.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct pg_cancel_conn PGcancelConn;
PGresult *PQclosePrepared(PGconn *pg, const char *name);
PGresult *PQclosePortal(PGconn *pg, const char *name);
int PQsendClosePrepared(PGconn *pg, const char *name);
int PQsendClosePortal(PGconn *pg, const char *name);
PGresult *PQchangePassword(PGconn *pg, const char *user, const char *password);
int PQsetChunkedRowsMode(PGconn *pg, int rows);
int PQsendPipelineSync(PGconn *pg);
PGcancelConn *PQcancelCreate(PGconn *pg);
int PQcancelBlocking(PGcancelConn *cancel);
int PQcancelStart(PGcancelConn *cancel);
PostgresPollingStatusType PQcancelPoll(PGcancelConn *cancel);
void PQcancelReset(PGcancelConn *cancel);
void PQcancelFinish(PGcancelConn *cancel);

static PGconn *pg;
static PGcancelConn *cancel;
static const char *const values[] = {"one", NULL, "\0\1"};
static const int lengths[] = {3, 0, 2}, formats[] = {0, 0, 1};

static void
say_result(PGresult *res)
{
	if (res)
		printf(" %d/%s/%d", (int)PQresultStatus(res), PQcmdStatus(res), PQntuples(res));
	else
		printf(" null");
	PQclear(res);
}

static void
say(long n)
{
	printf(" %ld", n);
}

/* NAME=TEXT */
static const char *
cut_text(char *arg)
{
	char *text = strchr(arg, '=');
	if (!text)
		return "";
	*text = '\0';
	return text + 1;
}

#define CALL(name, statement)                                                                                          \
	static void do_##name(char *arg)                                                                               \
	{                                                                                                              \
		(void)arg;                                                                                             \
		statement;                                                                                             \
	}

CALL(exec, say_result(PQexec(pg, arg)))
CALL(null, say_result(PQexec(pg, NULL)))
CALL(params, say_result(PQexecParams(pg, arg, 3, NULL, values, lengths, formats, 0)))
CALL(execp, say_result(PQexecPrepared(pg, arg, 0, NULL, NULL, NULL, 0)))
CALL(describe, say_result(PQdescribePrepared(pg, arg)))
CALL(portal, say_result(PQdescribePortal(pg, arg)))
CALL(close, say_result(PQclosePrepared(pg, arg)))
CALL(closeportal, say_result(PQclosePortal(pg, arg)))
CALL(password, say_result(PQchangePassword(pg, "me", arg)))
CALL(fn, say_result(PQfn(pg, atoi(arg), NULL, NULL, 1, NULL, 0)))
CALL(encoding, say(PQsetClientEncoding(pg, arg)))
CALL(send, say(PQsendQuery(pg, arg)))
CALL(sendparams, say(PQsendQueryParams(pg, arg, 3, NULL, values, lengths, formats, 0)))
CALL(sendexecp, say(PQsendQueryPrepared(pg, arg, 0, NULL, NULL, NULL, 0)))
CALL(senddescribe, say(PQsendDescribePrepared(pg, arg)))
CALL(sendportal, say(PQsendDescribePortal(pg, arg)))
CALL(sendclose, say(PQsendClosePrepared(pg, arg)))
CALL(sendcloseportal, say(PQsendClosePortal(pg, arg)))
CALL(get, say_result(PQgetResult(pg)))
CALL(single, say(PQsetSingleRowMode(pg)))
CALL(chunk, say(PQsetChunkedRowsMode(pg, atoi(arg))))
CALL(consume, say(PQconsumeInput(pg)))
CALL(put, say(PQputCopyData(pg, arg, (int)strlen(arg))))
CALL(putend, say(PQputCopyEnd(pg, *arg ? arg : NULL)))
CALL(putline, say(PQputline(pg, arg)))
CALL(putn, say(PQputnbytes(pg, arg, (int)strlen(arg))))
CALL(endcopy, say(PQendcopy(pg)))
CALL(pipe, say(PQenterPipelineMode(pg)))
CALL(nopipe, say(PQexitPipelineMode(pg)))
CALL(sync, say(PQpipelineSync(pg)))
CALL(sendsync, say(PQsendPipelineSync(pg)))
CALL(flush, say(PQsendFlushRequest(pg)))
CALL(reset, PQreset(pg))
CALL(resetstart, say(PQresetStart(pg)))
CALL(ping, say(PQping(arg)))
CALL(cancel, char why[32]; say(PQcancel((PGcancel *)(*arg ? pg : NULL), why, sizeof why)))
CALL(reqcancel, say(PQrequestCancel(pg)))
CALL(cancelnew, cancel = PQcancelCreate(pg))
CALL(cancelblock, say(PQcancelBlocking(cancel)))
CALL(cancelstart, say(PQcancelStart(cancel)))
CALL(cancelpoll, say(PQcancelPoll(cancel)))
CALL(cancelreset, PQcancelReset(cancel))
CALL(cancelend, PQcancelFinish(cancel))
CALL(open, say(lo_open(pg, (Oid)atoi(arg), 0)))
CALL(loclose, say(lo_close(pg, atoi(arg))))
CALL(lseek, say(lo_lseek(pg, atoi(arg), 0, 0) + (int)lo_lseek64(pg, atoi(arg), 0, 0)))
CALL(tell, say(lo_tell(pg, atoi(arg)) + (int)lo_tell64(pg, atoi(arg))))
CALL(truncate, say(lo_truncate(pg, atoi(arg), 0) + (int)lo_truncate64(pg, atoi(arg), 0)))
CALL(creat, say(lo_creat(pg, 0)))
CALL(create, say(lo_create(pg, (Oid)atoi(arg))))
CALL(unlink, say(lo_unlink(pg, (Oid)atoi(arg))))
CALL(import, say(lo_import(pg, arg)))
CALL(importoid, say(lo_import_with_oid(pg, arg, 1)))
CALL(export, say(lo_export(pg, (Oid)atoi(arg), "file")))
CALL(connect, PQfinish(pg); pg = PQconnectdb(arg))
CALL(login, PQfinish(pg); pg = PQsetdbLogin(arg, NULL, NULL, NULL, NULL, NULL, "secret"))
CALL(start, PQfinish(pg); pg = PQconnectStart(arg))

static void
do_connectparams(char *arg)
{
	const char *const keys[] = {"host", NULL}, *const given[] = {arg, NULL};
	PQfinish(pg);
	pg = PQconnectdbParams(keys, given, 0);
}

static void
do_startparams(char *arg)
{
	const char *const keys[] = {"host", NULL}, *const given[] = {arg, NULL};
	PQfinish(pg);
	pg = PQconnectStartParams(keys, given, 0);
}

static void
do_poll(char *arg)
{
	PostgresPollingStatusType status;
	do
		status = *arg ? PQresetPoll(pg) : PQconnectPoll(pg);
	while (status == PGRES_POLLING_READING);
	say(status);
}

static void
do_prepare(char *arg)
{
	const char *text = cut_text(arg);
	say_result(PQprepare(pg, arg, text, 0, NULL));
}

static void
do_sendprepare(char *arg)
{
	const char *text = cut_text(arg);
	say(PQsendPrepare(pg, arg, text, 0, NULL));
}

static void
do_scram(char *arg)
{
	char *text = PQencryptPasswordConn(pg, "secret", "me", *arg ? arg : NULL);
	printf(" %s", text);
	free(text);
}

static void
do_drain(char *arg)
{
	PGresult *res;
	(void)arg;
	while ((res = PQgetResult(pg)))
		say_result(res);
}

/* So many more commands in a pipeline: of each five hundred the middle one fails, and a point is behind the last. */
static void
do_deep(char *arg)
{
	static int next;
	for (int last = next + atoi(arg); next < last; next++) {
		char query[32];
		snprintf(query, sizeof query, next % 500 == 250 ? "E22012 C%d" : "T1 C%d", next);
		say(PQsendQueryParams(pg, query, 3, NULL, values, lengths, formats, 0));
		if (next % 500 == 499)
			say(PQpipelineSync(pg));
	}
}

/* Results of so many commands, or of all that is in flight. */
static void
do_some(char *arg)
{
	for (int i = atoi(arg); i > 0; i--)
		do_drain(arg);
}

static void
do_all(char *arg)
{
	(void)arg;
	for (int nulls = 0; nulls < 2;) {
		PGresult *res = PQgetResult(pg);
		nulls = res ? 0 : nulls + 1;
		say_result(res);
	}
}

/* Where it does not count as an answer. */
static void
do_memory(char *arg)
{
	(void)arg;
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		abort();
	fclose(f);
	fprintf(stderr, "%lu\n", pages * (unsigned long)getpagesize());
}

static void
do_getcopy(char *arg)
{
	char *row = NULL;
	say(PQgetCopyData(pg, &row, *arg != 0));
	PQfreemem(row);
}

static void
do_getline(char *arg)
{
	char row[16];
	say(*arg ? PQgetlineAsync(pg, row, sizeof row) : PQgetline(pg, row, sizeof row));
}

static void
do_read(char *arg)
{
	char bytes[16];
	say(lo_read(pg, atoi(arg), bytes, sizeof bytes));
}

static void
do_write(char *arg)
{
	say(lo_write(pg, atoi(arg), "four", 4));
}

static jmp_buf out;

static void
jump(void *arg, const char *message)
{
	(void)arg;
	(void)message;
	longjmp(out, 1);
}

static void
do_jump(char *arg)
{
	PQsetNoticeProcessor(pg, jump, NULL);
	if (setjmp(out) == 0)
		say_result(PQexec(pg, arg));
	PQsetNoticeProcessor(pg, NULL, NULL);
}

/* The connection ends by a call that nothing in front of libpq sees, and the next one lies where it lay. */
static void
do_swap(char *arg)
{
	(void)arg;
	void *handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_NOLOAD);
	void (*finish)(PGconn *);
	PGconn *(*make)(const char *);
	*(void **)&finish = dlsym(handle, "PQfinish");
	*(void **)&make = dlsym(handle, "PQconnectdb");
	uintptr_t old = (uintptr_t)pg;
	finish(pg);
	pg = make("");
	printf(" %s", (uintptr_t)pg == old ? "same" : "other");
	dlclose(handle);
}

#define DO(name) {#name, do_##name},
static const struct {
	const char *name;
	void (*call)(char *arg);
} calls[] = {DO(exec) DO(null) DO(params) DO(prepare) DO(execp) DO(describe) DO(portal) DO(close) DO(closeportal) DO(
    password) DO(fn) DO(encoding) DO(scram) DO(send) DO(sendparams) DO(sendprepare) DO(sendexecp) DO(senddescribe)
	DO(sendportal) DO(sendclose) DO(sendcloseportal) DO(get) DO(drain) DO(single) DO(chunk) DO(consume) DO(put)
	    DO(putend) DO(getcopy) DO(getline) DO(putline) DO(putn) DO(endcopy) DO(pipe) DO(nopipe) DO(sync)
		DO(sendsync) DO(flush) DO(connect) DO(connectparams) DO(login) DO(start) DO(startparams) DO(poll)
		    DO(reset) DO(resetstart) DO(ping) DO(cancel) DO(reqcancel) DO(cancelnew) DO(cancelblock)
			DO(cancelstart) DO(cancelpoll) DO(cancelreset) DO(cancelend) DO(open) DO(loclose) DO(read)
			    DO(write) DO(lseek) DO(tell) DO(truncate) DO(creat) DO(create) DO(unlink) DO(import)
				DO(importoid) DO(export) DO(jump) DO(swap) DO(deep) DO(some) DO(all) DO(memory)};

static int
carry_out(char *word)
{
	static char none[] = "";
	char *arg = strchr(word, ':');
	if (arg)
		*arg++ = '\0';
	for (char *c = arg; c && *c; c++)
		if (*c == '_')
			*c = ' ';
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (strcmp(calls[i].name, word) != 0)
			continue;
		printf(" %s", word);
		calls[i].call(arg ? arg : none);
		return 1;
	}
	fprintf(stderr, "no call is named %s\n", word);
	return 0;
}

int
main(void)
{
	static char line[1000];
	while (fgets(line, sizeof line, stdin)) {
		PQping("row");
		pg = PQconnectdb("");
		for (char *save = NULL, *word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
			if (!carry_out(word))
				return 2;
		PQfinish(pg);
		printf("\n");
	}
	return 0;
}
