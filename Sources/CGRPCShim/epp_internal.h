/* Declarations that the files of the shim share. */
#pragma once
#include <assert.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "CGRPCShim.h"

/* Converts a slice to the core's type, without a new reference. */
static inline grpc_slice epp_to_grpc(const epp_slice *slice) {
  grpc_slice result;
  memcpy(&result, slice, sizeof result);
  return result;
}

/* Converts a slice of the core, without a new reference. */
static inline epp_slice epp_from_grpc(grpc_slice slice) {
  epp_slice result;
  memcpy(&result, &slice, sizeof result);
  return result;
}

/* Returns the core's completion queue of a queue. */
grpc_completion_queue *epp_grpc_queue(epp_queue *queue);
/* Returns the core's credentials of credentials. */
grpc_server_credentials *epp_grpc_credentials(epp_credentials *credentials);
/* Returns the core's server of a server. */
static inline grpc_server *epp_grpc_server(epp_server *server) { return (grpc_server *)server; }
