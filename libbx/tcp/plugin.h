/* SPDX-License-Identifier: ISC */
/*
 * plugin: what libbx.so.1 and libbx_tcp.so.1, of the same release, are to each other.
 *
 * libbx opens the plugin when a program is configured to send to another host, and never otherwise.  The plugin runs one
 * thread a process, which empties the process's private rings and speaks the relay protocol (doc/RELAY.md) to an oxd.
 * They meet in struct process: rings and their tails, and the few words of struct sender.
 */
#ifndef BLUEOX_TCP_PLUGIN_H
#define BLUEOX_TCP_PLUGIN_H

#include "libbx/core/addr.h"
#include "libbx/process.h"

/* Where to and how; constant once published, and kept for ever, since the thread may be reading it. */
struct tcp_conf {
	struct addr to; /* the relay's own port, or an ipc path */
	uint64_t memory;
	int64_t linger_ns;
};

struct tcp_plugin {
	uint32_t process_bytes, config_bytes; /* sizes of the structs shared; another build's differ */
	const char *version;

	/* Reads HOST, HOST:PORT, relay://HOST:PORT or ipc://PATH; `port` (0: the usual one) stands where the text names none.
	 * A collection port is turned into its relay port.  False when it is no address. */
	bool (*parse)(const char *text, int port, struct addr *to);

	/* Starts the thread: p->sender.state, which the caller has set to SENDER_STARTING, is the thread's from then on.
	 * False when there is none to be had now. */
	bool (*start)(struct process *p, const struct config *config, const _Atomic(const struct tcp_conf *) *conf);
};

extern const struct tcp_plugin bx_tcp_plugin;

#define TCP_PLUGIN_NAME   "libbx_tcp.so.1"
#define TCP_PLUGIN_SYMBOL "bx_tcp_plugin"

#endif
