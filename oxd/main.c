/* SPDX-License-Identifier: ISC */
/*
 * oxd: takes events in, keeps them safe, writes them to log files.
 *
 * Here is only the order of things: what is opened after what, which thread owns what, and how all of it stops.  The
 * main thread then serves control port, live stream and signals.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <zmq.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "oxd/conf.h"
#include "oxd/control.h"
#include "oxd/curve.h"
#include "oxd/forward.h"
#include "oxd/house.h"
#include "oxd/keeper.h"
#include "oxd/rules.h"
#include "oxd/relay_port.h"
#include "oxd/say_sinks.h"
#include "oxd/stream.h"
#include "oxd/watch.h"

enum { POLL_MS = 1000, POLL_STREAM_MS = 20, POLL_PASSING_MS = 10, POLL_ANSWER_MS = 5, SYNC_WAIT_MS = 100 };

enum { WATCHED = 2 };
struct watched {
	uint64_t rounds;
	int64_t since_ns; /* that they have not changed */
	bool told;
};

struct oxd {
	int argc;
	char **argv; /* for reading the settings again */
	struct conf conf;
	struct house house;
	struct stats stats;
	struct seen seen;
	struct positions positions;
	struct audit audit;
	struct doorbell bell;
	struct journal *journal;
	struct logwriter *logwriter; /* NULL when nothing is logged here */
	struct keeper *keeper;       /* likewise */
	struct forward *forward;
	struct ingest ingest;
	struct ingest_push push;
	struct relay_queue relay_queue;
	struct relay_port relay;
	void *zmq;
	struct port control_port, collect_port, relay_port, stream_port;
	struct control control;
	struct stream stream;
	struct watched watched[WATCHED];
	struct metrics *metrics;
	int signal_fd;
	bool stopping;
	bool homeless; /* the run directory was removed under us */
};

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static enum bx_err
replay_snapshot(void *arg, const struct buf *content, uint64_t *covers)
{
	struct oxd *o = arg;
	positions_fini(&o->positions); /* what a damaged one left behind */
	enum bx_err err = positions_decode(&o->positions, content, covers);
	if (err == BX_OK)
		audit_decode_state(&o->audit, content);
	return err;
}

static void
replay_record(void *arg, const struct record *record)
{
	struct oxd *o = arg;
	audit_apply(&o->audit, record->number, &record->source, record->frame, &o->positions);
	positions_apply(&o->positions, &record->source, record->frame);
}

/* Signals come through a descriptor.  SIGIO, which a broken lease sends, kills by default. */
static bool
take_signals(struct oxd *o, char *err, size_t err_cap)
{
	sigset_t set;
	signal(SIGIO, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	o->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (o->signal_fd < 0)
		snprintf(err, err_cap, "signals: %s", strerror(errno));
	return o->signal_fd >= 0;
}

static void
raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static struct keeper_limits
keeper_limits_of(const struct conf *c)
{
	return (struct keeper_limits){
	    .compress_after_ns = c->compress_after_ns,
	    .retain_days = c->retain_days,
	    .retain_bytes = c->retain_size,
	    .prune_pause_ns = c->prune_pause_ns,
	};
}

static bool
open_journal(struct oxd *o, char *err, size_t err_cap)
{
	struct journal_config journal = {
	    .state_path = o->conf.state_path,
	    .segment_bytes = o->conf.journal_segment,
	    .max_bytes = o->conf.journal_size,
	    .sync = (enum journal_sync)o->conf.sync,
	    .drop_oldest = o->conf.when_full == 1,
	    .stats = &o->stats,
	};
	struct journal_replay replay = {.snapshot = replay_snapshot, .record = replay_record, .arg = o};
	struct keeper_config keeper = {
	    .log_path = o->conf.log_path,
	    .state_path = o->conf.state_path,
	    .limits = keeper_limits_of(&o->conf),
	};
	if (o->conf.logs && keeper_open(&o->keeper, &keeper, &o->stats, err, err_cap) != BX_OK)
		return false;
	struct logwriter_config log = {
	    .log_path = o->conf.log_path,
	    .state_path = o->conf.state_path,
	    .hourly = o->conf.rotate_hours,
	    .close_idle_ns = o->conf.close_idle_ns,
	    .keeper = o->keeper,
	    .audit = &o->audit,
	};
	uint64_t logged = logwriter_covered(o->conf.state_path), sent = forward_covered(o->conf.state_path);
	if (journal_open(&o->journal, &journal, logged > sent ? logged : sent, &replay, err, err_cap) != BX_OK)
		return false;
	audit_load_read(&o->audit, o->conf.state_path);
	return !o->conf.logs ||
	       logwriter_open(&o->logwriter, &log, o->journal, &o->seen, &o->stats, err, err_cap) == BX_OK;
}

/* What is there already goes upstream only when nobody writes it to log files here. */
static bool
open_forward(struct oxd *o, char *err, size_t err_cap)
{
	struct forward_config config = {
	    .zmq = o->zmq,
	    .journal = o->journal,
	    .ingest = &o->ingest,
	    .seen = o->conf.logs ? NULL : &o->seen,
	    .audit = o->conf.logs ? NULL : &o->audit,
	    .stats = &o->stats,
	    .state_path = o->conf.state_path,
	    .settings = o->conf.upstreams,
	    .fresh = o->conf.logs ? journal_synced(o->journal) : logwriter_covered(o->conf.state_path),
	};
	return forward_open(&o->forward, &config, err, err_cap) == BX_OK;
}

static bool
open_ports(struct oxd *o, char *err, size_t err_cap)
{
	o->zmq = zmq_ctx_new();
	if (!o->zmq) {
		snprintf(err, err_cap, "ZeroMQ: %s", zmq_strerror(errno));
		return false;
	}
	struct curve_config curve = {
	    .key_path = o->conf.curve_key, .allow_path = o->conf.curve_allow, .server_path = o->conf.server_key};
	if (!watch_open(o->zmq, o->conf.max_connections, &o->stats)) {
		snprintf(err, err_cap, "connections cannot be watched: %s", strerror(errno));
		return false;
	}
	return curve_open(o->zmq, &curve, &o->stats, err, err_cap) &&
	       port_open(&o->control_port, o->zmq, ZMQ_REP, "control", &o->conf.control, err, err_cap) &&
	       port_open(&o->collect_port, o->zmq, ZMQ_PULL, "collection", &o->conf.collect, err, err_cap) &&
	       port_open(&o->relay_port, o->zmq, ZMQ_ROUTER, "relay", &o->conf.relay, err, err_cap) &&
	       port_open_stream(&o->stream_port, o->zmq, &o->conf.control, err, err_cap);
}

static void
set_rules(struct oxd *o, const struct conf *c)
{
	struct rules_config config;
	conf_rules(c, &config);
	ingest_set_rules(&o->ingest, rules_new(&config, clock_wall_ns(), NULL, NULL));
	ingest_report_every(&o->ingest, c->report_ns);
}

static bool
open_rings(struct oxd *o, char *err, size_t err_cap)
{
	if (doorbell_open(&o->bell, o->house.run_fd) &&
	    ingest_init(&o->ingest, o->journal, o->house.run_fd, &o->positions, &o->audit, &o->bell, &o->stats)) {
		o->ingest.rings.max = o->conf.max_rings;
		set_rules(o, &o->conf);
		return true;
	}
	snprintf(err, err_cap, "run directory %s: %s", o->house.run_path, strerror(errno));
	return false;
}

static bool
start_threads(struct oxd *o, char *err, size_t err_cap)
{
	void *collect = o->collect_port.socket;
	void *relay = o->relay_port.socket;
	o->collect_port.socket = o->relay_port.socket = NULL; /* the threads' from here on */
	if (ingest_push_start(&o->push, collect, &o->bell, &o->stats) && relay_queue_init(&o->relay_queue, &o->bell) &&
	    relay_port_start(&o->relay, relay, &o->relay_queue, o->journal, &o->stats) &&
	    ingest_start(&o->ingest, &o->push, &o->relay_queue) && (!o->logwriter || logwriter_start(o->logwriter)) &&
	    (!o->keeper || keeper_start(o->keeper)) && forward_start(o->forward))
		return true;
	snprintf(err, err_cap, "a thread cannot be started: %s", strerror(errno));
	return false;
}

static bool
open_metrics(struct oxd *o, int64_t started_ns, char *err, size_t err_cap)
{
	struct metrics_world world = {&o->stats, o->journal, o->logwriter, started_ns};
	return !o->conf.metrics_text || metrics_open(&o->metrics, &o->conf.metrics, &world, err, err_cap);
}

static bool
tell(struct oxd *o)
{
	struct buf json = {0};
	buf_printf(&json,
	    "{\"pid\":%d,\"control\":\"%s\",\"collect\":\"%s\",\"relay\":\"%s\",\"stream\":\"%s\",\"metrics\":%u,"
	    "\"version\":\"%s\"}\n",
	    (int)getpid(), o->control_port.text, o->collect_port.text, o->relay_port.text, o->stream_port.text,
	    o->metrics ? metrics_port(o->metrics) : 0, BX_VERSION);
	buf_putc(&json, '\0');
	bool ok = json.err == BX_OK && house_tell(&o->house, (const char *)json.data);
	buf_fini(&json);
	return ok;
}

static bool
oxd_start(struct oxd *o, char *err, size_t err_cap)
{
	seen_init(&o->seen, &o->stats);
	audit_init(&o->audit);
	o->positions.origins.stats = &o->stats;
	raise_file_limit();
	if (!take_signals(o, err, err_cap) ||
	    !house_open(
		&o->house, o->conf.run_dir, o->conf.state_path, o->conf.logs ? o->conf.log_path : NULL, err, err_cap) ||
	    !open_journal(o, err, err_cap) || !open_ports(o, err, err_cap) || !open_forward(o, err, err_cap) ||
	    !open_rings(o, err, err_cap) || !start_threads(o, err, err_cap))
		return false;
	struct control_world world = {
	    .stream = &o->stream_port,
	    .collect = &o->collect_port,
	    .relay = &o->relay_port,
	    .peers = &o->relay,
	    .ingest = &o->ingest,
	    .journal = o->journal,
	    .logwriter = o->logwriter,
	    .keeper = o->keeper,
	    .forward = o->forward,
	    .seen = &o->seen,
	    .stats = &o->stats,
	    .run_path = o->house.run_path,
	    .log_path = o->conf.logs ? o->conf.log_path : NULL,
	    .state_path = o->conf.state_path,
	    .started_ns = clock_wall_ns(),
	};
	if (!open_metrics(o, world.started_ns, err, err_cap))
		return false;
	control_init(&o->control, o->control_port.socket, &world);
	stream_init(&o->stream, o->stream_port.socket, o->journal, &o->stats);
	if (!tell(o)) {
		snprintf(err, err_cap, "run directory %s: oxd.json: %s", o->house.run_path, strerror(errno));
		return false;
	}
	return true;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* Takes over what can be; the rest is named.  A mistake leaves everything as it is. */
static void
reload(struct oxd *o)
{
	struct conf fresh;
	struct buf names = {0};
	char err[1024] = "";
	if (!oxd_conf_read(&fresh, o->argc, o->argv, err, sizeof err)) {
		say(SAY_ERROR, "settings are not read again: %s", err);
		oxd_conf_fini(&fresh);
		return;
	}
	conf_needs_restart(&o->conf, &fresh, &names);
	buf_putc(&names, '\0');
	if (names.len > 1)
		say(SAY_WARNING, "changed, and in force after a new start only: %s", (const char *)names.data);
	say_init("oxd", fresh.verbose);
	set_rules(o, &fresh);
	if (o->keeper) {
		struct keeper_limits limits = keeper_limits_of(&fresh);
		keeper_limit(o->keeper, &limits);
	}
	if (o->logwriter)
		logwriter_close_idle(o->logwriter, fresh.close_idle_ns);
	say(SAY_INFO, "settings read again");
	buf_fini(&names);
	oxd_conf_fini(&fresh);
}

static void
take_signal(struct oxd *o)
{
	struct signalfd_siginfo info;
	while (read(o->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGHUP) {
			reload(o);
			if (o->logwriter)
				logwriter_rotate(o->logwriter);
		} else {
			o->stopping = true;
		}
	}
}

/* Programs cannot find us any more, and never will: somebody has to start us anew, with directories of our own making. */
static void
look_for_home(struct oxd *o)
{
	if (o->homeless || !atomic_load(&o->ingest.rings.removed))
		return;
	say(SAY_ERROR, "run directory %s was removed while oxd runs; leaving, a new start makes it again",
	    o->house.run_path);
	o->homeless = o->stopping = true;
}

/* A thread that hangs is no better than a process that does: systemd is told nothing any more, and starts us anew. */
static bool
threads_move(struct oxd *o, int64_t patience_ns)
{
	int64_t now_ns = clock_mono_ns();
	const char *names[WATCHED] = {"ingest", "log writer"};
	uint64_t rounds[WATCHED] = {
	    atomic_load(&o->ingest.rounds), o->logwriter ? logwriter_rounds(o->logwriter) : o->watched[1].rounds + 1};
	bool all = true;
	for (int i = 0; i < WATCHED; i++) {
		struct watched *w = &o->watched[i];
		if (w->rounds != rounds[i] || w->since_ns == 0) {
			*w = (struct watched){.rounds = rounds[i], .since_ns = now_ns};
		} else if (now_ns - w->since_ns > patience_ns) {
			if (!w->told)
				say(SAY_ERROR, "the %s thread hangs; the watchdog is told nothing any more", names[i]);
			w->told = true;
			all = false;
		}
	}
	return all;
}

static void
serve(struct oxd *o)
{
	uint64_t watchdog_us = 0;
	sd_watchdog_enabled(0, &watchdog_us);
	bool more = false;
	while (!o->stopping && !o->control.shutdown) {
		bool waits = control_waits(&o->control);
		zmq_pollitem_t items[] = {
		    {.fd = o->signal_fd, .events = ZMQ_POLLIN},
		    {.socket = o->stream_port.socket, .events = ZMQ_POLLIN},
		    {.socket = o->control_port.socket, .events = control_reads(&o->control) ? ZMQ_POLLIN : 0},
		};
		zmq_poll(items, 3,
		    more && o->stream.passing      ? POLL_PASSING_MS
		    : more                         ? 0
		    : waits                        ? POLL_ANSWER_MS
		    : stream_is_wanted(&o->stream) ? POLL_STREAM_MS
						   : POLL_MS);
		take_signal(o);
		look_for_home(o);
		stream_listen(&o->stream);
		control_go_on(&o->control);
		control_take(&o->control);
		more = stream_send(&o->stream);
		if (watchdog_us && threads_move(o, (int64_t)watchdog_us * 1000 / 2))
			sd_notify(0, "WATCHDOG=1");
	}
}

/* Intake first, then what it took: rings to their end, journal synced, log files written and checkpointed. */
static bool
oxd_stop(struct oxd *o)
{
	sd_notify(0, "STOPPING=1");
	house_tell_no_more(&o->house);
	ingest_push_stop(&o->push);
	relay_port_stop(&o->relay);
	journal_wait_no_more(o->journal);
	ingest_stop(&o->ingest);
	journal_sync_soon(o->journal);
	while (journal_state(o->journal) == JOURNAL_RUNS &&
	       !journal_wait(o->journal, journal_last(o->journal), SYNC_WAIT_MS))
		;
	forward_stop(o->forward);
	if (o->logwriter)
		logwriter_stop(o->logwriter);
	if (o->keeper)
		keeper_stop(o->keeper);
	bool failed = journal_state(o->journal) == JOURNAL_FAILED;
	stream_fini(&o->stream);
	metrics_close(&o->metrics);
	control_fini(&o->control);
	port_close(&o->control_port);
	port_close(&o->stream_port);
	curve_close();
	watch_close();
	zmq_ctx_term(o->zmq);
	forward_close(&o->forward);
	if (o->logwriter)
		logwriter_close(&o->logwriter);
	if (o->keeper)
		keeper_close(&o->keeper);
	ingest_fini(&o->ingest);
	ingest_push_fini(&o->push);
	relay_port_fini(&o->relay);
	relay_queue_fini(&o->relay_queue);
	journal_close(&o->journal);
	positions_fini(&o->positions);
	audit_fini(&o->audit);
	seen_fini(&o->seen);
	doorbell_close(&o->bell);
	house_close(&o->house);
	close(o->signal_fd);
	return !failed;
}

static int
print(const struct conf *c, void (*write_text)(const struct conf *, struct buf *))
{
	struct buf out = {0};
	write_text(c, &out);
	bool ok = out.err == BX_OK && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
	buf_fini(&out);
	return ok ? 0 : 1;
}

static void
version(const struct conf *c, struct buf *out)
{
	(void)c;
	buf_puts(out, "oxd " BX_VERSION "\n");
}

static int
check_config(int argc, char **argv)
{
	struct buf out = {0};
	int status = oxd_conf_check(argc, argv, &out);
	if (status == 0)
		buf_puts(&out, "the settings are fine\n");
	bool ok = out.err == BX_OK && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
	buf_fini(&out);
	return ok ? status : 1;
}

int
main(int argc, char **argv)
{
	static struct oxd o;
	char err[RUNDIR_MAX + 256] = "";
	say_init("oxd", 0);
	say_choose(SAY_FORMAT_AUTO);
	o.argc = argc;
	o.argv = argv;
	if (!oxd_conf_read(&o.conf, argc, argv, err, sizeof err)) {
		if (o.conf.check_config)
			return check_config(argc, argv);
		say(SAY_ERROR, "%s", err);
		return 2;
	}
	if (o.conf.help || o.conf.version || o.conf.man || o.conf.man_conf)
		return print(&o.conf, o.conf.help      ? conf_help
				      : o.conf.version ? version
				      : o.conf.man     ? conf_man
						       : conf_man_file);
	if (o.conf.check_config)
		return check_config(argc, argv);
	say_init("oxd", o.conf.verbose);
	say_choose((enum say_format)o.conf.log_format);
	if (!oxd_start(&o, err, sizeof err)) {
		say(SAY_ERROR, "%s", err);
		_exit(1); /* threads may run: everything that counts is in files, as after a kill */
	}
	say(SAY_INFO, "control %s, collection %s, relay %s, stream %s, run directory %s", o.control_port.text,
	    o.collect_port.text, o.relay_port.text, o.stream_port.text, o.house.run_path);
	if (o.collect_port.exposed || o.relay_port.exposed)
		say(SAY_WARNING, "other hosts can send to %s and %s in plain text; --curve-key would guard them",
		    o.collect_port.text, o.relay_port.text);
	sd_notify(0, "READY=1");
	serve(&o);
	bool ok = oxd_stop(&o);
	oxd_conf_fini(&o.conf);
	return ok && !o.homeless ? 0 : 1;
}
