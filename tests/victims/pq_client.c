/* SPDX-License-Identifier: ISC */
/* pq_client: one use of libpq by name, e.g. `pq_client pipeline`; tests/e2e/shim_libpq states which events each makes. */
/* LIBS: -lpq */
#include <poll.h>
#include <postgresql/libpq-fe.h>
#include <postgresql/libpq/libpq-fs.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static PGconn *pg;

static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, pg ? PQerrorMessage(pg) : "");
	exit(2);
}

static void
open_connection(void)
{
	pg = PQconnectdb("");
	must(PQstatus(pg) == CONNECTION_OK, "connect");
}

static void
drain(void)
{
	PGresult *res;
	while ((res = PQgetResult(pg)))
		PQclear(res);
}

static const char *const five[] = {"5"};

static int
params(const char *query)
{
	return PQsendQueryParams(pg, query, 1, NULL, five, NULL, NULL, 0);
}

static void
multi(void)
{
	PQclear(PQexec(pg, "create temp table m(a int); insert into m values (1),(2); select * from m"));
}

static void
multi_failing(void)
{
	PQclear(PQexec(pg, "select 1; select 1/0; select 2"));
}

static void
with_params(void)
{
	PQclear(PQexecParams(pg, "select $1::int", 1, NULL, five, NULL, NULL, 0));
}

static void
prepared(void)
{
	PQclear(PQprepare(pg, "q1", "select $1::int + 1", 0, NULL));
	PQclear(PQexecPrepared(pg, "q1", 1, five, NULL, NULL, 0));
	PQclear(PQprepare(pg, "q1", "select 'taken'", 0, NULL));
	PQclear(PQexecPrepared(pg, "q1", 1, five, NULL, NULL, 0));
	PQclear(PQexecPrepared(pg, "q2", 0, NULL, NULL, NULL, 0));
}

static void
async(void)
{
	must(PQsendQuery(pg, "select 1; select generate_series(1, 3)"), "send");
	drain();
	must(PQsendPrepare(pg, "s", "select $1::int * 2", 0, NULL), "send prepare");
	drain();
	must(PQsendQueryPrepared(pg, "s", 1, five, NULL, NULL, 0), "send prepared");
	drain();
	must(params("select $1::text"), "send params");
	drain();
}

static void
busy(void)
{
	must(PQsendQuery(pg, "select 'first'"), "send");
	must(!PQsendQuery(pg, "select 'second'"), "a second command was taken");
	drain();
}

static void
single_row(void)
{
	must(PQsendQuery(pg, "select generate_series(1, 100)"), "send");
	must(PQsetSingleRowMode(pg), "single row mode");
	drain();
}

static void
copy_in(void)
{
	PQclear(PQexec(pg, "create temp table c(a int)"));
	PQclear(PQexec(pg, "copy c from stdin"));
	must(PQputCopyData(pg, "1\n22\n", 5) == 1 && PQputCopyData(pg, "333\n", 4) == 1, "put");
	must(PQputCopyEnd(pg, NULL) == 1, "end");
	drain();
	PQclear(PQexec(pg, "copy c from stdin"));
	must(PQputCopyEnd(pg, "changed my mind") == 1, "give up");
	drain();
}

static void
copy_out(void)
{
	char *row;
	must(PQsendQuery(pg, "copy (select generate_series(1, 3)) to stdout"), "send");
	PGresult *res = PQgetResult(pg);
	must(PQresultStatus(res) == PGRES_COPY_OUT, "copy out");
	PQclear(res);
	while (PQgetCopyData(pg, &row, 0) > 0)
		PQfreemem(row);
	drain();
}

/* Two commands and a point, then one that fails, one that is therefore not run, and a point. */
static void
pipeline(void)
{
	must(PQenterPipelineMode(pg), "pipeline mode");
	must(params("select $1::int") && params("select $1::int + 1") && PQpipelineSync(pg), "send");
	must(params("select $1::int / 0") && params("select $1::int + 2") && PQpipelineSync(pg), "send");
	for (int points = 0, nulls = 0; points < 2 && nulls < 100;) {
		PGresult *res = PQgetResult(pg);
		points += PQresultStatus(res) == PGRES_PIPELINE_SYNC;
		nulls += !res;
		PQclear(res);
	}
	must(PQexitPipelineMode(pg), "leave pipeline mode");
	PQclear(PQexec(pg, "select 'after'"));
}

static void
abandoned(void)
{
	must(PQsendQuery(pg, "select 'overtaken'"), "send");
	PQclear(PQexec(pg, "select 'overtaking'"));
	must(PQsendQuery(pg, "select 'left behind'"), "send");
}

/* The server ends the session; libpq tells once with a code, then without. */
static void
gone(void)
{
	PQclear(PQexec(pg, "select pg_terminate_backend(pg_backend_pid())"));
	PQclear(PQexec(pg, "select 'to nobody'"));
	PQreset(pg);
	PQclear(PQexec(pg, "select 'again'"));
}

static void
odd(void)
{
	char *query = malloc(10001);
	must(query != NULL, "memory");
	memcpy(query, "select  '", 9); /* so that byte 4096 lies inside a character */
	for (int i = 9; i < 9999; i += 2)
		memcpy(query + i, "\xc3\xbc", 2);
	memcpy(query + 9999, "'", 2);
	PQclear(PQexec(pg, query));
	free(query);
	PQclear(PQexec(pg, ""));
	PQclear(PQexec(pg, NULL));
	PQclear(PQexec(NULL, "select 'no connection'"));
}

static jmp_buf out;

static void
jump(void *arg, const char *message)
{
	(void)arg;
	(void)message;
	longjmp(out, 1);
}

/* A function that lies deeper in the stack than the call that was left. */
static __attribute__((noinline)) void
deeper(int levels)
{
	volatile char frame[256] = {0};
	if (levels + frame[0] > 0)
		deeper(levels - 1);
	else
		PQclear(PQexec(pg, "select 'deeper'"));
}

/* What longjmp leaves of the first connection cannot be used; another must be recorded as if nothing had been. */
static void
notice_longjmp(void)
{
	PQsetNoticeProcessor(pg, jump, NULL);
	if (setjmp(out) == 0)
		PQclear(PQexec(pg, "do $$ begin raise notice 'jump'; end $$"));
	PQfinish(pg);
	open_connection();
	deeper(8);
	PQclear(PQexec(pg, "select 'as ever'"));
}

/* Waits for bytes of the server and takes them in, as a program with an event loop does. */
static void
take_in(void)
{
	struct pollfd ready = {.fd = PQsocket(pg), .events = POLLIN};
	must(poll(&ready, 1, 60000) == 1, "an answer within a minute");
	must(PQconsumeInput(pg), "take in");
}

static void
consume(void)
{
	must(PQsendQuery(pg, "select repeat('x', 100) from generate_series(1, 2000); select 'last'"), "send");
	PGresult *res;
	do {
		while (PQisBusy(pg))
			take_in();
		res = PQgetResult(pg);
		PQclear(res);
	} while (res);
}

static bool noticed;

static void
notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
	noticed = true;
}

/* Only what runs can be cancelled: the notice says that it does. */
static void
cancel(void)
{
	char why[256] = "";
	PQsetNoticeProcessor(pg, notice, NULL);
	must(PQsendQuery(pg, "do $$ begin raise notice 'here'; perform pg_sleep(600); end $$"), "send");
	while (PQisBusy(pg) && !noticed)
		take_in();
	PGcancel *handle = PQgetCancel(pg);
	must(PQcancel(handle, why, sizeof why), why);
	PQfreeCancel(handle);
	drain();
	PQclear(PQexec(pg, "select 'as ever'"));
}

/* Each call of libpq is many to the server. */
static void
large_object(void)
{
	char back[8] = "";
	PQclear(PQexec(pg, "begin"));
	Oid oid = lo_create(pg, 0);
	int fd = lo_open(pg, oid, INV_READ | INV_WRITE);
	must(oid != InvalidOid && fd >= 0, "open");
	must(lo_write(pg, fd, "content", 7) == 7 && lo_lseek(pg, fd, 3, SEEK_SET) == 3, "write");
	must(lo_read(pg, fd, back, sizeof back) == 4 && strcmp(back, "tent") == 0 && lo_tell(pg, fd) == 7, "read");
	must(lo_truncate(pg, fd, 2) == 0 && lo_close(pg, fd) == 0, "truncate");
	must(lo_export(pg, oid, "/dev/null") == 1, "export");
	Oid copy = lo_import(pg, "/proc/self/comm");
	must(copy != InvalidOid && lo_unlink(pg, copy) == 1 && lo_unlink(pg, oid) == 1, "import");
	must(lo_unlink(pg, oid) == -1, "one that is gone was removed");
	PQclear(PQexec(pg, "rollback"));
}

static const struct {
	const char *name;
	void (*run)(void);
} uses[] = {
    {"multi", multi},
    {"multi_failing", multi_failing},
    {"with_params", with_params},
    {"prepared", prepared},
    {"async", async},
    {"busy", busy},
    {"single_row", single_row},
    {"copy_in", copy_in},
    {"copy_out", copy_out},
    {"pipeline", pipeline},
    {"abandoned", abandoned},
    {"gone", gone},
    {"odd", odd},
    {"notice_longjmp", notice_longjmp},
    {"consume", consume},
    {"cancel", cancel},
    {"large_object", large_object},
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof uses / sizeof *uses; i++) {
		if (strcmp(uses[i].name, argv[1]) != 0)
			continue;
		open_connection();
		uses[i].run();
		PQfinish(pg);
		return 0;
	}
	fprintf(stderr, "usage: pq_client USE\n");
	return 2;
}
