/* SPDX-License-Identifier: ISC */
/* show_report: the shape of --html: a report gathered from the source, and written into its file. */
#ifndef BLUEOX_OXVIEW_SHOW_REPORT_H
#define BLUEOX_OXVIEW_SHOW_REPORT_H

#include "oxview/conf.h"
#include "oxview/report.h"
#include "oxview/trouble.h"

/*
 * Makes sure first that the file can be written, reads all, a second time where that makes the groups whole, and writes.
 * What goes wrong is told to trouble; the file is then there when only some events could not be read.
 */
void show_report(const struct conf *conf, struct trouble *trouble);

#endif
