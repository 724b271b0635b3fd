/* SPDX-License-Identifier: ISC */
/*
 * fault: what an event says went wrong, and the fingerprint by which it is known again.
 *
 * libbx writes an `error` with a stack of addresses and a `print` of both.  Existing clients of BlueOx (Python) write the
 * text of a traceback as `exception`, others an `error` of their own form.  Where an event has no print, or one that says
 * nothing but the class since there was no stack, it is made here of class, code and text stack; and without a text stack
 * of the type of the event and the message without its digits.
 */
#ifndef BLUEOX_OXVIEW_FAULT_H
#define BLUEOX_OXVIEW_FAULT_H

#include <stdbool.h>

#include "libbx/core/event.h"

enum { FAULT_PRINT_MAX = 64 };

/* Borrows from the event; what is not there is absent. */
struct fault {
	char print[FAULT_PRINT_MAX + 1]; /* letters, digits and marks; 16 hex digits when libbx or we made it */
	struct bytes own_print;          /* the one in the event, where it was not taken */
	struct bytes class_name, code, message;
	struct bytes stack; /* see stack.h */
	struct bytes text;  /* see textstack.h */
};

/* False when it tells of nothing that went wrong. */
bool fault_of(const struct event *ev, struct fault *out);

#endif
