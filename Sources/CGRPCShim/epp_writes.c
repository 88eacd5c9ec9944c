#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "epp_internal.h"

/* The core writes each message to its socket as soon as it is started, and the kernel makes a packet and wakes the peer for
 * each. Here the core's `sendmsg` is this file's: while a thread holds, what it sends is kept, and one write sends all that
 * has gathered for a socket. Whoever sends on the socket next, on any thread, sends what is kept first; so does whoever shuts
 * it down, which the core does before it closes one. What the kernel does not take stays, and the core is told EAGAIN until it
 * is gone, so that a client that does not read holds no more than one buffer. A connection that has failed is shut down.
 *
 * Keeping with MSG_MORE in the kernel instead costs a system call a message: 10 % of a request of 1 KB, 15 % of a chunk. */

enum { maximum_sockets = 65536, buffer_bytes = 65536, maximum_held = 64, maximum_pieces = 320, spare_buffers = 4 };

/* What is kept for one socket number. It stays for whatever connection has the number next. */
struct kept {
  pthread_mutex_t lock;
  /* Bytes from `begin` to `end` of the buffer, which is NULL when there are none. `end` is read without the lock, by threads
     that the core has let send on this connection after the one that wrote it. */
  unsigned char *buffer;
  uint32_t begin;
  _Atomic uint32_t end;
  /* The kernel has taken no more. */
  bool is_stalled;
  /* Shut down: the number is not trusted until the kernel says that it is a connection again. */
  bool is_shut;
};

static _Atomic(struct kept *) sockets[maximum_sockets];

static _Thread_local struct {
  bool holds;
  /* Messages kept since the last push. */
  unsigned messages;
  unsigned count;
  int held[maximum_held];
  unsigned spare_count;
  unsigned char *spare[spare_buffers];
} thread;

static struct kept *find(int socket) {
  if (socket < 0 || socket >= maximum_sockets) return NULL;
  return atomic_load_explicit(&sockets[socket], memory_order_acquire);
}

static struct kept *find_or_make(int socket) {
  struct kept *kept = find(socket);
  if (kept != NULL || socket < 0 || socket >= maximum_sockets) return kept;
  struct kept *made = gpr_zalloc(sizeof *made);
  pthread_mutex_init(&made->lock, NULL);
  if (atomic_compare_exchange_strong(&sockets[socket], &kept, made)) return made;
  pthread_mutex_destroy(&made->lock);
  gpr_free(made);
  return kept;
}

static bool is_empty(const struct kept *kept) {
  return atomic_load_explicit(&kept->end, memory_order_acquire) == 0;
}

/* A thread's spare buffers go with it: any thread may have sent what another one kept. */
static pthread_key_t thread_end;
static pthread_once_t thread_end_once = PTHREAD_ONCE_INIT;

static void free_spares(void *unused) {
  (void)unused;
  while (thread.spare_count > 0) gpr_free(thread.spare[--thread.spare_count]);
}

static void make_thread_end(void) { pthread_key_create(&thread_end, free_spares); }

static void put_away(unsigned char *buffer) {
  if (buffer == NULL) return;
  if (thread.spare_count == spare_buffers) {
    gpr_free(buffer);
    return;
  }
  if (thread.spare_count == 0) {
    pthread_once(&thread_end_once, make_thread_end);
    /* Any value but NULL makes the thread call `free_spares` at its end. */
    pthread_setspecific(thread_end, &thread);
  }
  thread.spare[thread.spare_count++] = buffer;
}

static void drop(struct kept *kept) {
  put_away(kept->buffer);
  kept->buffer = NULL;
  kept->begin = 0;
  atomic_store_explicit(&kept->end, 0, memory_order_release);
  kept->is_stalled = false;
}

/* Sends what is kept; true when all of it is gone, also because the connection is. Called with the lock. */
static bool send_kept(int socket, struct kept *kept) {
  while (!is_empty(kept)) {
    ssize_t sent = syscall(SYS_sendto, socket, kept->buffer + kept->begin, kept->end - kept->begin, MSG_NOSIGNAL | MSG_DONTWAIT,
                           NULL, 0);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      kept->is_stalled = true;
      return false;
    }
    if (sent >= 0) kept->begin += (uint32_t)sent;
    /* The core believes that all is sent, and may have read a reset with the data before it without noticing: this wakes it to
       read once more. The number is still this connection's, for nobody has shut it down since something was kept. */
    if (sent < 0) syscall(SYS_shutdown, socket, SHUT_RDWR);
    if (sent < 0 || kept->begin == kept->end) drop(kept);
  }
  return true;
}

/* Sends what is kept and the message in one write; the result is the message's. Called with the lock. */
static ssize_t send_both(int socket, struct kept *kept, const struct msghdr *message, int flags) {
  struct iovec pieces[maximum_pieces + 1];
  size_t before = kept->end - kept->begin;
  if (before > 0 && !kept->is_stalled && message->msg_iovlen <= maximum_pieces) {
    struct msghdr both = *message;
    pieces[0] = (struct iovec){.iov_base = kept->buffer + kept->begin, .iov_len = before};
    memcpy(pieces + 1, message->msg_iov, message->msg_iovlen * sizeof *pieces);
    both.msg_iov = pieces;
    both.msg_iovlen = message->msg_iovlen + 1;
    ssize_t sent = syscall(SYS_sendmsg, socket, &both, flags | MSG_DONTWAIT);
    if (sent > 0 && (size_t)sent > before) {
      drop(kept);
      return sent - (ssize_t)before;
    }
    if (sent > 0) kept->begin += (uint32_t)sent;
    if (kept->begin == kept->end) drop(kept);
    /* What is left, or the error, is seen below. */
  }
  if (!send_kept(socket, kept)) {
    errno = EAGAIN;
    return -1;
  }
  return syscall(SYS_sendmsg, socket, message, flags);
}

static bool note(int socket) {
  for (unsigned i = 0; i < thread.count; i++)
    if (thread.held[i] == socket) return true;
  if (thread.count == maximum_held) return false;
  thread.held[thread.count++] = socket;
  return true;
}

/* Keeps a copy of the message; false when it has to be sent now. Called with the lock. */
static bool keep(int socket, struct kept *kept, const struct msghdr *message) {
  size_t bytes = 0;
  for (size_t i = 0; i < message->msg_iovlen; i++) bytes += message->msg_iov[i].iov_len;
  if (kept->is_stalled || bytes > buffer_bytes - kept->end || message->msg_controllen != 0) return false;
  if (kept->is_shut) {
    if (syscall(SYS_sendto, socket, NULL, 0, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0) != 0) return false;
    kept->is_shut = false;
  }
  if (!note(socket)) return false;
  if (kept->buffer == NULL)
    kept->buffer = thread.spare_count > 0 ? thread.spare[--thread.spare_count] : gpr_malloc(buffer_bytes);
  uint32_t end = kept->end;
  for (size_t i = 0; i < message->msg_iovlen; i++) {
    memcpy(kept->buffer + end, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
    end += (uint32_t)message->msg_iov[i].iov_len;
  }
  atomic_store_explicit(&kept->end, end, memory_order_release);
  thread.messages++;
  return true;
}

/* Takes the place of the C library's for the core, which has no other function to send with, with TLS or without; and for
 * everything else in the process, on threads that never hold. */
ssize_t sendmsg(int socket, const struct msghdr *message, int flags) {
  struct kept *kept = thread.holds ? find_or_make(socket) : find(socket);
  if (kept == NULL || (!thread.holds && is_empty(kept))) return syscall(SYS_sendmsg, socket, message, flags);
  pthread_mutex_lock(&kept->lock);
  ssize_t result;
  if (thread.holds && keep(socket, kept, message)) {
    result = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) result += (ssize_t)message->msg_iov[i].iov_len;
  } else {
    result = send_both(socket, kept, message, flags);
  }
  int error = errno;
  pthread_mutex_unlock(&kept->lock);
  errno = error;
  return result;
}

/* In the same way: what is kept goes first, or is lost as it would be in the kernel of a client that does not read. */
int shutdown(int socket, int how) {
  struct kept *kept = find(socket);
  if (kept != NULL) {
    pthread_mutex_lock(&kept->lock);
    send_kept(socket, kept);
    drop(kept);
    kept->is_shut = true;
    pthread_mutex_unlock(&kept->lock);
  }
  return (int)syscall(SYS_shutdown, socket, how);
}

void epp_writes_hold(bool holds) { thread.holds = holds; }

unsigned epp_writes_held(void) { return thread.count; }

epp_pushed epp_writes_push(void) {
  unsigned writes = 0, stalled = 0;
  for (unsigned i = 0; i < thread.count; i++) {
    int socket = thread.held[i];
    struct kept *kept = find(socket);
    if (kept == NULL || is_empty(kept)) continue;
    writes++;
    pthread_mutex_lock(&kept->lock);
    if (!send_kept(socket, kept)) thread.held[stalled++] = socket;
    pthread_mutex_unlock(&kept->lock);
  }
  epp_pushed result = {
      .kept = thread.messages, .saved = thread.messages > writes ? thread.messages - writes : 0, .stalled = stalled};
  thread.messages = 0;
  thread.count = stalled;
  return result;
}
