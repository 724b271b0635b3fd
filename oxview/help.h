/* SPDX-License-Identifier: ISC */
/* help: --help and the manual page, both around the table of settings. */
#ifndef BLUEOX_OXVIEW_HELP_H
#define BLUEOX_OXVIEW_HELP_H

#include "libbx/core/buf.h"
#include "libbx/core/settings.h"

void help_text(const struct settings *s, struct buf *out);
void help_man(const struct settings *s, struct buf *out);

#endif
