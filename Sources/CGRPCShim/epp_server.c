#include "epp_internal.h"

static grpc_arg integer(const char *key, int value) {
  grpc_arg argument = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
  return argument;
}

epp_server *epp_server_create(const epp_server_options *options) {
  grpc_arg arguments[] = {
      integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, options->max_receive_message_bytes),
      integer(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, options->max_send_message_bytes),
      integer(GRPC_ARG_MAX_CONCURRENT_STREAMS, options->max_concurrent_streams),
      integer(GRPC_ARG_MAX_METADATA_SIZE, options->max_metadata_bytes),
      integer(GRPC_ARG_KEEPALIVE_TIME_MS, options->keepalive_time_ms),
      integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, options->keepalive_timeout_ms),
      integer(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
      /* Pings are answered, however many: each that the core holds against a client costs some 5 KB of errors until the
         connection ends (50 MB for a flood of them), one that it answers 30 bytes, and it reads no more while 10,000 wait. */
      integer(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0),
      /* Filters that every message would pass: nothing asks for channelz, a gateway keeps its own deadlines, and answers are
         not compressed. */
      integer(GRPC_ARG_ENABLE_CHANNELZ, 0),
      integer(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0),
      integer(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),
      /* Two servers on one port would share it silently. */
      integer(GRPC_ARG_ALLOW_REUSEPORT, 0),
  };
  grpc_init();
  grpc_channel_args channel_arguments = {.num_args = sizeof arguments / sizeof *arguments, .args = arguments};
  return (epp_server *)grpc_server_create(&channel_arguments, NULL);
}

void epp_server_register_queue(epp_server *server, epp_queue *queue) {
  grpc_server_register_completion_queue(epp_grpc_server(server), epp_grpc_queue(queue), NULL);
}

static void drop_log(gpr_log_func_args *arguments) { (void)arguments; }

int epp_server_listen(epp_server *server, const char *address, epp_credentials *credentials) {
  /* The core prints its whole tree of errors, some 700 characters, for a port that is taken. */
  gpr_set_log_function(drop_log);
  int port = grpc_server_add_http2_port(epp_grpc_server(server), address, epp_grpc_credentials(credentials));
  gpr_set_log_function(NULL);
  return port;
}

void epp_server_start(epp_server *server) { grpc_server_start(epp_grpc_server(server)); }

void epp_server_shutdown(epp_server *server, epp_queue *queue, uintptr_t tag) {
  grpc_server_shutdown_and_notify(epp_grpc_server(server), epp_grpc_queue(queue), (void *)tag);
}

void epp_server_cancel_all_calls(epp_server *server) { grpc_server_cancel_all_calls(epp_grpc_server(server)); }

void epp_server_destroy(epp_server *server) {
  grpc_server_destroy(epp_grpc_server(server));
  grpc_shutdown();
}
