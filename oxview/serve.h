/* SPDX-License-Identifier: ISC */
/*
 * serve: the page of --html over HTTP, which asks for what its reader types.
 *
 *    GET /        the page
 *    GET /data    ?where=&type=&from=&to=&page=   the data; page is what tells one open page from another
 *
 * It listens on this host unless told otherwise, and has no passwords: who reaches it reads events.  So that no page of
 * another site can read through somebody's browser, the Host of a request must be an address or `localhost` (a name could
 * be made to lead here: DNS rebinding), and what a browser says comes from another site is refused.  There are no other
 * paths, none leads to files, nothing but GET is answered, and what a request may be long is bounded.
 *
 * One question is worked on at a time, for QUERY_SECONDS at most; a newer one of the same page ends the older one.
 */
#ifndef BLUEOX_OXVIEW_SERVE_H
#define BLUEOX_OXVIEW_SERVE_H

#include "libbx/core/addr.h"
#include "oxview/conf.h"
#include "oxview/out.h"
#include "oxview/trouble.h"

/* NULL when it is well formed, else what is wrong with it. */
const char *serve_where(const char *text, struct addr *out);

/* True when a request with this Host may be answered. */
bool serve_host_is_fine(const char *host);

/* Says its address on `out`, and serves until SIGTERM, SIGINT or SIGHUP. */
void serve(const struct conf *conf, struct out *out, struct trouble *trouble);

#endif
