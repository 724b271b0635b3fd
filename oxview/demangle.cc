/* SPDX-License-Identifier: ISC */
/* demangle: libstdc++ knows how; a name that is absurdly long is shown as it is. */
#include "oxview/demangle.h"

#include <cstring>
#include <cxxabi.h>

enum { LONGEST = 4096 };

char *
demangle(const char *symbol)
{
	int status;
	if (strncmp(symbol, "_Z", 2) != 0 || strnlen(symbol, LONGEST) == LONGEST)
		return nullptr;
	return abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
}
