/* The gRPC C core behind plain types, so that Swift does not import gRPC headers: they define _GNU_SOURCE, which changes the
 * layout of fd_set, and debug builds fail when two modules disagree about it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A completion queue. */
typedef struct epp_queue epp_queue;
/* A server with its ports. */
typedef struct epp_server epp_server;
/* One call of a client. */
typedef struct epp_call epp_call;
/* The credentials of a port: TLS or plain text. */
typedef struct epp_credentials epp_credentials;

/* A reference-counted run of bytes. Copying the value does not add a reference. Up to 23 bytes are stored in the value itself,
 * so the address of the bytes is valid only while the value is not moved. */
typedef struct epp_slice {
  uint64_t words[4];
} epp_slice;

/* Starts the core for the process. Turns off the deadlock detection of its mutexes, which costs 9 % of the instructions of a
 * request. Block the signals that the process waits for before: the core's threads inherit the signal mask. */
void epp_grpc_init(void);
/* Ends the core. Has to be called once for each epp_grpc_init. */
void epp_grpc_shutdown(void);
/* Returns the version of the core. */
const char *_Nonnull epp_grpc_version(void);

/* ---- slices ---- */

/* Returns a slice with a copy of the bytes. */
epp_slice epp_slice_copy(const void *_Nullable bytes, size_t count);
/* Returns a slice of memory that belongs to `owner`. When the last reference is released, `release` is called with `owner`, on
 * any thread. */
epp_slice epp_slice_adopt(void *_Nonnull bytes, size_t count, void *_Nonnull owner, void (*_Nonnull release)(void *_Nonnull owner));
/* Returns the address of the bytes, which is valid while the value is not moved. */
const uint8_t *_Nonnull epp_slice_bytes(const epp_slice *_Nonnull slice);
/* Returns the number of bytes. */
size_t epp_slice_count(const epp_slice *_Nonnull slice);
/* Returns a new reference to the bytes [begin, end) of a slice. They are copied only when they are short enough to be stored in
 * the value. */
epp_slice epp_slice_sub(const epp_slice *_Nonnull slice, size_t begin, size_t end);
/* Releases a reference. */
void epp_slice_unref(const epp_slice *_Nonnull slice);

/* ---- completion queues ---- */

/* The kind of an event of a queue. */
typedef enum epp_event_kind {
  /* The queue is shut down and empty. */
  EPP_EVENT_SHUTDOWN = 0,
  /* The deadline has passed. */
  EPP_EVENT_TIMEOUT = 1,
  /* The operation with the event's tag has completed. */
  EPP_EVENT_COMPLETE = 2,
} epp_event_kind;

/* An event of a queue. */
typedef struct epp_event {
  epp_event_kind kind;
  /* Whether the operation has succeeded; for EPP_EVENT_COMPLETE. */
  bool success;
  /* Whether the thread waited for this event although held writes had not been sent; true is a defect of the shim. */
  bool waited_while_holding;
  /* The tag of the completed operation; for EPP_EVENT_COMPLETE. */
  uintptr_t tag;
  /* How long the first held write of the previous turn has waited; set with the first event of a turn, else 0. */
  uint64_t held_nanoseconds;
} epp_event;

/* Returns the current time in nanoseconds, on the monotonic clock of all deadlines. */
uint64_t epp_monotonic_now(void);

/* Returns the clock of the calling thread's CPU time, for epp_cpu_time on any thread; 0 when the system has none. */
int32_t epp_cpu_clock(void);
/* Returns the CPU time in nanoseconds that the thread of a clock has used; 0 after its end. */
uint64_t epp_cpu_time(int32_t clock);

/* Makes a queue. With `gathers`, all data that the events of one turn send to one connection is sent with one write, at the
 * latest before the thread blocks, after 64 events or 0.5 ms; see epp_queue.c. It needs epp_writes_obstacle() to be NULL. */
epp_queue *_Nonnull epp_queue_create(bool gathers);
/* Waits for the next event until a deadline in nanoseconds of epp_monotonic_now, UINT64_MAX for none. Call it on one thread for
 * each queue. */
epp_event epp_queue_next(epp_queue *_Nonnull queue, uint64_t deadline);
/* Sleeps until epp_queue_unpark; returns at once when it was called before. A thread that waits in the core instead takes turns
 * in polling for all queues, which costs two wake-ups per event. May return spuriously. */
void epp_queue_park(epp_queue *_Nonnull queue);
/* Wakes the thread in epp_queue_park. Any thread may call it. */
void epp_queue_unpark(epp_queue *_Nonnull queue);
/* Shuts a queue down: no operation may be started later. epp_queue_next still returns the pending events. */
void epp_queue_shutdown(epp_queue *_Nonnull queue);
/* Frees a queue. epp_queue_next has to have returned EPP_EVENT_SHUTDOWN before. */
void epp_queue_destroy(epp_queue *_Nonnull queue);

/* ---- gathered writes of the calling thread: epp_writes.c ---- */

/* Returns why writes cannot be gathered on this system; NULL when they can. Tests it on a connection of its own. Must not be
 * called by several threads at once. */
const char *_Nullable epp_writes_obstacle(void);
/* Sets whether data that this thread sends with sendmsg is held until epp_writes_push. */
void epp_writes_hold(bool holds);
/* Returns the number of sockets for which this thread holds data, or that have not accepted all data of the last push. */
unsigned epp_writes_held(void);

/* The result of epp_writes_push. */
typedef struct epp_pushed {
  /* Number of messages held since the last push. */
  unsigned kept;
  /* Number of held messages that needed no write of their own. */
  unsigned saved;
  /* Number of sockets that have not accepted all data, and are to be tried again soon. */
  unsigned stalled;
} epp_pushed;

/* Sends all data that this thread holds. */
epp_pushed epp_writes_push(void);

/* ---- servers ---- */

/* Limits and timeouts of a server. */
typedef struct epp_server_options {
  /* Bytes of a received message at most. The core's default is 4 MiB, which a body message of Envoy can exceed. */
  int max_receive_message_bytes;
  /* Bytes of a sent message at most; -1 for no limit. */
  int max_send_message_bytes;
  /* Open streams per connection at most. */
  int max_concurrent_streams;
  /* Bytes of all headers of a call at most. */
  int max_metadata_bytes;
  /* Milliseconds of silence after which a connection is pinged. */
  int keepalive_time_ms;
  /* Milliseconds without an answer to a ping after which the connection is closed. */
  int keepalive_timeout_ms;
} epp_server_options;

/* Makes a server without ports. */
epp_server *_Nonnull epp_server_create(const epp_server_options *_Nonnull options);
/* Registers a queue on which the server's calls can be accepted. Call it before epp_server_start. */
void epp_server_register_queue(epp_server *_Nonnull server, epp_queue *_Nonnull queue);
/* Makes TLS credentials of one port from PEM texts, which are copied. Clients have to show a certificate that an authority has
 * signed; with NULL they are asked for none. */
epp_credentials *_Nonnull epp_credentials_tls(
    const char *_Nonnull certificate_chain, const char *_Nonnull private_key, const char *_Nullable client_authority);
/* Replaces the texts, for connections from now on; when the core cannot use them, the previous ones stay. The authority is NULL
 * where it was NULL before. Any thread may call it. */
void epp_credentials_replace(
    epp_credentials *_Nonnull credentials, const char *_Nonnull certificate_chain, const char *_Nonnull private_key,
    const char *_Nullable client_authority);
/* Makes credentials of plain text. */
epp_credentials *_Nonnull epp_credentials_plain(void);
/* Frees credentials. A server that listens with them has to have been destroyed before. */
void epp_credentials_destroy(epp_credentials *_Nonnull credentials);
/* Binds an address, and returns the bound port. Port 0 in the address binds a free port. Returns 0 when the address cannot be
 * bound or the credentials cannot be used; epp_listen_error distinguishes the two. Log messages of the core are dropped
 * meanwhile. */
int epp_server_listen(epp_server *_Nonnull server, const char *_Nonnull address, epp_credentials *_Nonnull credentials);
/* Starts a server. */
void epp_server_start(epp_server *_Nonnull server);
/* Stops accepting calls. The tag completes on the queue when all calls and connections have ended. */
void epp_server_shutdown(epp_server *_Nonnull server, epp_queue *_Nonnull queue, uintptr_t tag);
/* Cancels all open calls of a server that is being shut down. */
void epp_server_cancel_all_calls(epp_server *_Nonnull server);
/* Frees a server. A started one has to have completed epp_server_shutdown before. */
void epp_server_destroy(epp_server *_Nonnull server);

/* Returns the number of connections of this process that were accepted on a port, with or without calls; at least 1 when they
 * cannot be counted. Inspects every open descriptor, about 1 us each. */
unsigned epp_connections(int port);
/* Tries to listen on an IP literal and a port. Returns the errno of the failure, or 0. */
int epp_listen_error(const char *_Nonnull host, int port);

/* ---- calls ---- */

/* Makes the object of a call that has not been accepted. */
epp_call *_Nonnull epp_call_create(void);
/* Frees a call. No batch may be in flight. */
void epp_call_destroy(epp_call *_Nonnull call);
/* Accepts the next call of a client. The tag completes on `accepting`, a registered queue, when there is a call, or when the
 * server is shut down. Later operations of the call complete on `queue`. False when the core refuses the operation. */
bool epp_call_request(epp_call *_Nonnull call, epp_server *_Nonnull server, epp_queue *_Nonnull queue,
                      epp_queue *_Nonnull accepting, uintptr_t tag);
/* Returns the bytes of the called method, such as "/grpc.health.v1.Health/Check", without a terminator. */
const uint8_t *_Nonnull epp_call_method(const epp_call *_Nonnull call, size_t *_Nonnull count);
/* Returns the bytes of the first value that the client has sent with the call under a name in lower case, without a terminator;
 * NULL when there is none. They live as long as the call. */
const uint8_t *_Nullable epp_call_metadata(const epp_call *_Nonnull call, const char *_Nonnull name, size_t *_Nonnull count);

/* The operations of a batch, as bits. */
typedef enum epp_operation {
  EPP_SEND_INITIAL_METADATA = 1,
  EPP_SEND_MESSAGE = 2,
  EPP_SEND_STATUS = 4,
  EPP_RECEIVE_MESSAGE = 8,
  EPP_RECEIVE_CLOSE = 16,
} epp_operation;

/* Operations that are started together. */
typedef struct epp_batch {
  /* The operations: bits of epp_operation. */
  uint32_t operations;
  /* The slices of the message for EPP_SEND_MESSAGE. The core takes references of its own. */
  const epp_slice *_Nullable slices;
  /* Number of slices. */
  size_t slice_count;
  /* Whether the core may delay the write because more is sent soon. */
  bool buffer_hint;
  /* The status code for EPP_SEND_STATUS. */
  int status;
  /* The status message for EPP_SEND_STATUS, or NULL. It is copied. */
  const char *_Nullable status_message;
} epp_batch;

/* Starts the operations of a batch with one tag. False when the core refuses them, which is a defect of the caller. */
bool epp_call_start(epp_call *_Nonnull call, const epp_batch *_Nonnull batch, uintptr_t tag);
/* Frees the message of a completed batch with EPP_SEND_MESSAGE. */
void epp_call_finish_send(epp_call *_Nonnull call);
/* Returns the number of slices of the message of a completed EPP_RECEIVE_MESSAGE; -1 when the client sends no more. */
long epp_call_received_slice_count(const epp_call *_Nonnull call);
/* Moves the slices of the received message to the caller, who owns a reference to each. `capacity` has to be at least their
 * number. Returns the number of slices. */
size_t epp_call_take_received(epp_call *_Nonnull call, epp_slice *_Nonnull slices, size_t capacity);
/* Cancels a call. */
void epp_call_cancel(epp_call *_Nonnull call);

#ifdef __cplusplus
}
#endif
