/* The gRPC C core behind plain types, so that Swift never sees a gRPC header: those define _GNU_SOURCE and change the layout
 * of fd_set, which breaks debug builds (two modules then disagree about it). No policy lives here. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct epp_queue epp_queue;
typedef struct epp_server epp_server;
typedef struct epp_call epp_call;
typedef struct epp_credentials epp_credentials;

/* A reference-counted run of bytes. Up to 23 bytes live inside the value itself, so a copy of the value is no second
 * owner, and the address of its bytes is valid while the value stays where it is. */
typedef struct epp_slice {
  uint64_t words[4];
} epp_slice;

/* Process-wide start and end of the core. Deadlock detection of its mutexes is switched off: it costs 9 % of the
 * instructions of a request. Call with the signals blocked that the process waits for: the core's threads inherit the mask. */
void epp_grpc_init(void);
void epp_grpc_shutdown(void);
const char *_Nonnull epp_grpc_version(void);

/* ---- slices ---- */

epp_slice epp_slice_copy(const void *_Nullable bytes, size_t count);
/* A slice over memory that belongs to `owner`: `release` is called with it when the last reference is gone, on any thread. */
epp_slice epp_slice_adopt(void *_Nonnull bytes, size_t count, void *_Nonnull owner, void (*_Nonnull release)(void *_Nonnull owner));
const uint8_t *_Nonnull epp_slice_bytes(const epp_slice *_Nonnull slice);
size_t epp_slice_count(const epp_slice *_Nonnull slice);
/* A new reference to [begin, end) of the slice; nothing is copied unless it is short enough to live in the value. */
epp_slice epp_slice_sub(const epp_slice *_Nonnull slice, size_t begin, size_t end);
void epp_slice_unref(const epp_slice *_Nonnull slice);

/* ---- completion queues ---- */

typedef enum epp_event_kind {
  EPP_EVENT_SHUTDOWN = 0,
  EPP_EVENT_TIMEOUT = 1,
  EPP_EVENT_COMPLETE = 2,
} epp_event_kind;

typedef struct epp_event {
  epp_event_kind kind;
  bool success;
  /* Has to stay false: the thread waited for this event while something that it held was not sent. */
  bool waited_while_holding;
  uintptr_t tag;
  /* With the first event of a turn: how long the first held send of the turn before had to wait, or 0. */
  uint64_t held_nanoseconds;
} epp_event;

/* Nanoseconds on the monotonic clock that deadlines are given in. */
uint64_t epp_monotonic_now(void);

/* The clock of the calling thread's CPU time, for epp_cpu_time of any thread; 0 when the system has none. */
int32_t epp_cpu_clock(void);
/* Nanoseconds of CPU time that a thread has used; 0 after its end. */
uint64_t epp_cpu_time(int32_t clock);

/* `gathers`: what the events of one turn send to one connection leaves in one write, at the latest before the thread blocks,
 * after 64 events or 0.5 ms; see epp_queue.c. Only where epp_writes_obstacle() is NULL. */
epp_queue *_Nonnull epp_queue_create(bool gathers);
/* Waits for the next event; deadline in nanoseconds of epp_monotonic_now, UINT64_MAX for none. One thread for each queue. */
epp_event epp_queue_next(epp_queue *_Nonnull queue, uint64_t deadline);
/* Sleeps outside the core until epp_queue_unpark, also of one that came before: a thread that waits inside takes its turn at
 * polling for all, which costs two wake-ups an event. May return without a reason. */
void epp_queue_park(epp_queue *_Nonnull queue);
/* From any thread. */
void epp_queue_unpark(epp_queue *_Nonnull queue);
void epp_queue_shutdown(epp_queue *_Nonnull queue);
/* The queue has to be drained: epp_queue_next has said EPP_EVENT_SHUTDOWN. */
void epp_queue_destroy(epp_queue *_Nonnull queue);

/* ---- gathered writes of the calling thread: epp_writes.c ---- */

/* Why writes cannot be gathered here, or NULL when they can: tries it on a connection of its own. One thread at a time. */
const char *_Nullable epp_writes_obstacle(void);
/* Whether what is sent with sendmsg on this thread from now on may wait for epp_writes_push. */
void epp_writes_hold(bool holds);
/* Sockets that this thread has kept something for since the last push, or that have not taken all of it. */
unsigned epp_writes_held(void);

typedef struct epp_pushed {
  /* Messages that were kept since the last push. */
  unsigned kept;
  /* Of these, those that needed no write of their own. */
  unsigned saved;
  /* Sockets that have not taken all of it, and want to be tried again soon. */
  unsigned stalled;
} epp_pushed;

/* Sends all that was kept on this thread. */
epp_pushed epp_writes_push(void);

/* ---- servers ---- */

typedef struct epp_server_options {
  /* Bytes; the core's own default is 4 MiB, which a body message of Envoy can exceed. */
  int max_receive_message_bytes;
  int max_send_message_bytes;
  int max_concurrent_streams;
  /* Bytes of all headers of a call. */
  int max_metadata_bytes;
  int keepalive_time_ms;
  int keepalive_timeout_ms;
} epp_server_options;

epp_server *_Nonnull epp_server_create(const epp_server_options *_Nonnull options);
void epp_server_register_queue(epp_server *_Nonnull server, epp_queue *_Nonnull queue);
/* NULL when the PEM texts are not usable. */
epp_credentials *_Nullable epp_credentials_tls(const char *_Nonnull certificate_chain_pem, const char *_Nonnull private_key_pem);
epp_credentials *_Nonnull epp_credentials_plain(void);
void epp_credentials_release(epp_credentials *_Nonnull credentials);
/* The bound port, or 0 when the address cannot be bound or the credentials cannot be used; epp_listen_error tells which. Port 0
 * in the address binds a free one. What the core would log meanwhile is dropped. */
int epp_server_listen(epp_server *_Nonnull server, const char *_Nonnull address, epp_credentials *_Nonnull credentials);
void epp_server_start(epp_server *_Nonnull server);
/* Stops accepting; the tag completes on the queue when every call has ended. */
void epp_server_shutdown(epp_server *_Nonnull server, epp_queue *_Nonnull queue, uintptr_t tag);
void epp_server_cancel_all_calls(epp_server *_Nonnull server);
void epp_server_destroy(epp_server *_Nonnull server);

/* Connections of this process that were accepted on a port, with calls or without; at least 1 when they cannot be counted.
 * Looks at every open descriptor: about 1 us each. */
unsigned epp_connections(int port);
/* The errno that listening on an IP literal and port ends with, or 0. Tries it. */
int epp_listen_error(const char *_Nonnull host, int port);

/* ---- calls ---- */

epp_call *_Nonnull epp_call_create(void);
/* Frees everything; no batch may be in flight. */
void epp_call_destroy(epp_call *_Nonnull call);
/* Asks for the next incoming call; the tag completes on `accepting`, a queue of the server, when there is one or the server is
 * shut down. What the call does later completes on `queue`. */
bool epp_call_request(epp_call *_Nonnull call, epp_server *_Nonnull server, epp_queue *_Nonnull queue,
                      epp_queue *_Nonnull accepting, uintptr_t tag);
/* Bytes of the called method, such as "/grpc.health.v1.Health/Check"; not terminated. */
const uint8_t *_Nonnull epp_call_method(const epp_call *_Nonnull call, size_t *_Nonnull count);

typedef enum epp_operation {
  EPP_SEND_INITIAL_METADATA = 1,
  EPP_SEND_MESSAGE = 2,
  EPP_SEND_STATUS = 4,
  EPP_RECEIVE_MESSAGE = 8,
  EPP_RECEIVE_CLOSE = 16,
} epp_operation;

typedef struct epp_batch {
  /* epp_operation values. */
  uint32_t operations;
  /* For EPP_SEND_MESSAGE: the core takes its own references. */
  const epp_slice *_Nullable slices;
  size_t slice_count;
  /* More will be sent soon: the core may wait before it writes. */
  bool buffer_hint;
  /* For EPP_SEND_STATUS. The message is copied. */
  int status;
  const char *_Nullable status_message;
} epp_batch;

/* Starts the operations as one batch with one tag; false when the core refuses, which is a mistake of the caller's. */
bool epp_call_start(epp_call *_Nonnull call, const epp_batch *_Nonnull batch, uintptr_t tag);
/* Frees what the finished send batch held. */
void epp_call_finish_send(epp_call *_Nonnull call);
/* After a completed EPP_RECEIVE_MESSAGE: how many slices the message has, or -1 when the client has half-closed. */
long epp_call_received_slice_count(const epp_call *_Nonnull call);
/* Moves the message's slices out: the caller owns `capacity` >= count references. Returns how many were written. */
size_t epp_call_take_received(epp_call *_Nonnull call, epp_slice *_Nonnull slices, size_t capacity);
void epp_call_cancel(epp_call *_Nonnull call);

#ifdef __cplusplus
}
#endif
