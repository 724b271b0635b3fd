/* SPDX-License-Identifier: ISC */
/* throws: ends by a C++ exception that nobody catches, in the way that it is told, or by an abort() that is none. */
#include <syslog.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

namespace victim
{
struct trouble : std::runtime_error {
	explicit trouble(const std::string &text) : std::runtime_error(text)
	{
	}
};

struct second {
	virtual ~second() = default;
	int number = 7; // NOLINT(misc-non-private-member-variables-in-classes): it gives the base a place
};

/* std::exception is not where the object begins. */
struct mixed : second, std::exception {
	const char *
	what() const noexcept override
	{
		return "of the second base";
	}
};

static volatile uintptr_t nowhere = 16;

struct harmful : std::exception {
	const char *
	what() const noexcept override
	{
		return *reinterpret_cast<const char *const *>(nowhere);
	}
};

struct stuck : std::exception {
	const char *
	what() const noexcept override
	{
		for (;;)
			pause();
	}
};
} // namespace victim

static void
by_throw()
{
	throw victim::trouble("all is lost");
}

static void
by_number()
{
	throw 42;
}

static void
by_mixed()
{
	throw victim::mixed();
}

static void
by_noexcept() noexcept // NOLINT(bugprone-exception-escape): that is the death meant here
{
	by_throw();
}

static void
by_thread()
{
	std::thread(by_throw).join();
}

/* Thrown again far from where it was thrown first: the header is not the object's own. */
static void
by_future()
{
	std::async(std::launch::async, by_throw).get();
}

static void
by_rethrow()
{
	try {
		by_throw();
	} catch (const std::exception &) {
		throw;
	}
}

static void
by_nested()
{
	try {
		by_number();
	} catch (int) {
		by_throw();
	}
}

static void
by_terminate()
{
	std::terminate();
}

static void
by_own_handler()
{
	std::set_terminate([] { abort(); });
	by_throw();
}

/* Nothing is uncaught here. */
static void
by_abort_in_catch()
{
	try {
		by_throw();
	} catch (const std::exception &) {
		abort();
	}
}

/* With the runtime on the stack all the same. */
static void
by_abort_in_catch_of_thread()
{
	std::thread(by_abort_in_catch).join();
}

static void
by_harmful()
{
	std::set_terminate([] { abort(); });
	throw victim::harmful();
}

static void
by_stuck()
{
	std::set_terminate([] { abort(); });
	throw victim::stuck();
}

static const struct {
	const char *name;
	void (*way)();
} ways[] = {{"throw", by_throw}, {"number", by_number}, {"mixed", by_mixed}, {"noexcept", by_noexcept},
    {"thread", by_thread}, {"future", by_future}, {"rethrow", by_rethrow}, {"nested", by_nested},
    {"terminate", by_terminate}, {"own-handler", by_own_handler}, {"abort-in-catch", by_abort_in_catch},
    {"abort-in-catch-of-thread", by_abort_in_catch_of_thread}, {"harmful", by_harmful}, {"stuck", by_stuck}};

int
main(int argc, char **argv)
{
	syslog(LOG_INFO, "start");
	for (const auto &w : ways)
		if (argc > 1 && strcmp(argv[1], w.name) == 0)
			w.way();
	return 2;
}
