/* SPDX-License-Identifier: ISC */
/* LIBS: -lpq */
/* slow_client: one function asks and waits, one asks, and another waits for what that asked. */
#include <postgresql/libpq-fe.h>
#include <stdio.h>

#define SLOW "select pg_sleep(0.15)"

__attribute__((noinline)) void ask_and_wait(PGconn *pg);
__attribute__((noinline)) void ask(PGconn *pg);
__attribute__((noinline)) void wait(PGconn *pg);

void
ask_and_wait(PGconn *pg)
{
	PQclear(PQexec(pg, SLOW));
	puts("asked and waited");
}

void
ask(PGconn *pg)
{
	PQsendQuery(pg, SLOW);
	puts("asked");
}

void
wait(PGconn *pg)
{
	for (PGresult *res; (res = PQgetResult(pg)) != NULL;)
		PQclear(res);
	puts("waited");
}

int
main(void)
{
	PGconn *pg = PQconnectdb("");
	ask_and_wait(pg);
	ask(pg);
	wait(pg);
	PQfinish(pg);
	return 0;
}
