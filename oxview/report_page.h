/* SPDX-License-Identifier: ISC */
/*
 * report_page: the page around the data, as scripts/report-page put it together from oxview/report/ and Chart.js.
 *
 *    head  | data, JSON that may stand in a page | tail
 *
 * It fetches nothing, and its own Content-Security-Policy allows it nothing but its own scripts and styles, by their
 * hashes, and to ask the server that it came from.
 */
#ifndef BLUEOX_OXVIEW_REPORT_PAGE_H
#define BLUEOX_OXVIEW_REPORT_PAGE_H

#include "libbx/core/buf.h"

void report_page_head(struct buf *out);
void report_page_tail(struct buf *out);

#endif
