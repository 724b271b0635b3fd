/* SPDX-License-Identifier: ISC */
/* unit: what cmocka wants included before it, in the order in which it wants it. */
#ifndef BLUEOX_TESTS_UNIT_H
#define BLUEOX_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

#endif
