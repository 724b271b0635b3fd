/* SPDX-License-Identifier: ISC */
/* zmq: what oxview calls of libzmq, for -H. */
#include <zmq.h>

#include "oxview/late/late.h"

#define LATE_LIBRARY "libzmq.so.5"

LATE(int, zmq_close, (void *socket), (socket))
LATE(int, zmq_connect, (void *socket, const char *to), (socket, to))
LATE(void *, zmq_ctx_new, (void), ())
LATE(int, zmq_ctx_term, (void *context), (context))
LATE(int, zmq_curve_keypair, (char *public_key, char *secret_key), (public_key, secret_key))
LATE(int, zmq_msg_close, (zmq_msg_t * m), (m))
LATE(void *, zmq_msg_data, (zmq_msg_t * m), (m))
LATE(int, zmq_msg_init, (zmq_msg_t * m), (m))
LATE(int, zmq_msg_more, (const zmq_msg_t *m), (m))
LATE(int, zmq_msg_recv, (zmq_msg_t * m, void *socket, int flags), (m, socket, flags))
LATE(size_t, zmq_msg_size, (const zmq_msg_t *m), (m))
LATE(int, zmq_poll, (zmq_pollitem_t * items, int count, long ms), (items, count, ms))
LATE(int, zmq_recv, (void *socket, void *to, size_t cap, int flags), (socket, to, cap, flags))
LATE(int, zmq_send, (void *socket, const void *p, size_t n, int flags), (socket, p, n, flags))
LATE(int, zmq_setsockopt, (void *socket, int option, const void *p, size_t n), (socket, option, p, n))
LATE(void *, zmq_socket, (void *context, int type), (context, type))
LATE(int, zmq_socket_monitor, (void *socket, const char *at, int events), (socket, at, events))
LATE(const char *, zmq_strerror, (int error), (error))
