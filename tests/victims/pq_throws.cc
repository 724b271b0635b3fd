/* SPDX-License-Identifier: ISC */
/* pq_throws: C++ exceptions that go through a call of libpq, past it, and out of it while another one is made. */
/* LIBS: -lpq */
#include <postgresql/libpq-fe.h>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace
{
void
ask(PGconn *pg, const char *query)
{
	PGresult *res = PQexec(pg, query);
	std::printf("%s: %s\n", query, PQresStatus(PQresultStatus(res)));
	PQclear(res);
}

struct session {
	PGconn *pg = PQconnectdb(""); // NOLINT(misc-non-private-member-variables-in-classes): it is all there is
	session() = default;
	session(const session &) = delete;
	session &operator=(const session &) = delete;
	~session()
	{
		PQfinish(pg);
	}
};

/* Asks while the exception is on its way. */
class asks_at_the_end
{
      public:
	explicit asks_at_the_end(PGconn *over) : pg(over)
	{
	}
	asks_at_the_end(const asks_at_the_end &) = delete;
	asks_at_the_end &operator=(const asks_at_the_end &) = delete;
	~asks_at_the_end()
	{
		ask(pg, "select 'unwinding'");
	}

      private:
	PGconn *pg;
};

void
throw_notice(void *, const char *message)
{
	throw std::runtime_error(message);
}
} // namespace

int
main()
{
	session other;
	try {
		session thrown;
		PQsetNoticeProcessor(thrown.pg, throw_notice, nullptr);
		const asks_at_the_end guard(other.pg);
		ask(thrown.pg, "do $$ begin raise notice 'through libpq'; end $$");
	} catch (const std::exception &e) {
		std::printf("caught %s", e.what());
	}
	try {
		const asks_at_the_end guard(other.pg);
		ask(other.pg, "select 1/0");
		throw std::runtime_error("past a query\n");
	} catch (const std::exception &e) {
		std::printf("caught %s", e.what());
		ask(other.pg, "select 'caught'");
	}
	ask(other.pg, "select 'as ever'");
	return 0;
}
