#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <grpc/grpc_posix.h>

#include "epp_internal.h"

/* const char *grpc_get_poll_strategy_name(void) of the core. Weak: a core without it is one that is not known here. */
extern const char *_Z27grpc_get_poll_strategy_namev(void) __attribute__((weak));

/* Two ends of a TCP connection over loopback; false when the system gives none. */
static bool connect_pair(int ends[2]) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return false;
  ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ends[1] = -1;
  if (ends[0] >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0 &&
      getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
      connect(ends[0], (struct sockaddr *)&address, sizeof address) == 0)
    ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  close(listener);
  if (ends[1] >= 0) return true;
  if (ends[0] >= 0) close(ends[0]);
  return false;
}

static bool is_readable(int socket, int milliseconds) {
  struct pollfd entry = {.fd = socket, .events = POLLIN};
  return poll(&entry, 1, milliseconds) == 1 && (entry.revents & POLLIN) != 0;
}

static void wait_for(grpc_completion_queue *completions, grpc_completion_type type) {
  while (grpc_completion_queue_next(completions, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type != type) {
  }
}

/* The SETTINGS frame that a server sends to a new connection has to be kept until it is pushed; the GOAWAY frame that it sends
 * at its end has to be sent by the shutting down of the connection, before the end of it. */
static const char *probe(int client, int accepted) {
  epp_server_options options = {.max_receive_message_bytes = -1,
                                .max_send_message_bytes = -1,
                                .max_concurrent_streams = 1,
                                .max_metadata_bytes = 8192,
                                .keepalive_time_ms = 60000,
                                .keepalive_timeout_ms = 20000};
  epp_server *made = epp_server_create(&options);
  grpc_server *server = epp_grpc_server(made);
  grpc_completion_queue *completions = grpc_completion_queue_create_for_next(NULL);
  grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
  const char *problem = NULL;
  unsigned char bytes[4096];

  grpc_server_register_completion_queue(server, completions, NULL);
  grpc_server_start(server);
  epp_writes_hold(true);
  grpc_server_add_channel_from_fd(server, accepted, credentials);
  if (epp_writes_held() == 0) problem = "the gRPC core does not send as it is expected to";
  if (problem == NULL && is_readable(client, 0)) problem = "what is to be kept is sent";
  epp_writes_push();
  /* Pushed bytes are there at once over loopback; the wait is for a machine that is busy. */
  if (problem == NULL && !is_readable(client, 1000)) problem = "what was kept is not sent";
  if (problem == NULL && recv(client, bytes, sizeof bytes, MSG_DONTWAIT) <= 0) problem = "what was kept is lost";

  grpc_server_shutdown_and_notify(server, completions, NULL);
  grpc_server_cancel_all_calls(server);
  /* The server's end of the connection closes when it reads that the client's has. */
  shutdown(client, SHUT_WR);
  wait_for(completions, GRPC_OP_COMPLETE);
  epp_writes_hold(false);
  if (problem == NULL && recv(client, bytes, sizeof bytes, MSG_DONTWAIT) <= 0)
    problem = "what is kept is lost when a connection ends";
  epp_writes_push();
  grpc_completion_queue_shutdown(completions);
  wait_for(completions, GRPC_QUEUE_SHUTDOWN);
  epp_server_destroy(made);
  grpc_completion_queue_destroy(completions);
  grpc_server_credentials_release(credentials);
  return problem;
}

const char *epp_writes_obstacle(void) {
  /* The core of gRPC 1.51: another may send with other functions, or from a thread that does not hold. */
  if (strcmp(grpc_version_string(), "29.0.0") != 0) return "the gRPC core is not version 29.0.0";
  epp_grpc_init();
  const char *problem = NULL;
  int ends[2];
  /* The poller that shuts a connection down before it closes it, always. */
  if (!_Z27grpc_get_poll_strategy_namev || strcmp(_Z27grpc_get_poll_strategy_namev(), "epoll1") != 0) {
    problem = "the gRPC core does not poll with epoll1";
  } else if (!connect_pair(ends)) {
    problem = "the system has no loopback connection to try it on";
  } else {
    problem = probe(ends[0], ends[1]);
    close(ends[0]);
  }
  epp_grpc_shutdown();
  return problem;
}
