#include "epp_internal.h"

/* The core writes into these fields while batches are in flight, so they have a fixed place in memory. */
struct epp_call {
  grpc_call *call;
  grpc_call_details details;
  grpc_metadata_array request_metadata;
  grpc_byte_buffer *received;
  grpc_byte_buffer *sending;
  int cancelled;
};

epp_call *epp_call_create(void) {
  epp_call *call = gpr_zalloc(sizeof *call);
  grpc_call_details_init(&call->details);
  grpc_metadata_array_init(&call->request_metadata);
  return call;
}

void epp_call_destroy(epp_call *call) {
  if (call->received != NULL) grpc_byte_buffer_destroy(call->received);
  if (call->sending != NULL) grpc_byte_buffer_destroy(call->sending);
  if (call->call != NULL) grpc_call_unref(call->call);
  grpc_call_details_destroy(&call->details);
  grpc_metadata_array_destroy(&call->request_metadata);
  gpr_free(call);
}

bool epp_call_request(epp_call *call, epp_server *server, epp_queue *queue, epp_queue *accepting, uintptr_t tag) {
  return grpc_server_request_call(epp_grpc_server(server), &call->call, &call->details, &call->request_metadata,
                                  epp_grpc_queue(queue), epp_grpc_queue(accepting), (void *)tag) == GRPC_CALL_OK;
}

const uint8_t *epp_call_method(const epp_call *call, size_t *count) {
  const grpc_slice *method = &call->details.method;
  *count = GRPC_SLICE_LENGTH(*method);
  return GRPC_SLICE_START_PTR(*method);
}

const uint8_t *epp_call_metadata(const epp_call *call, const char *name, size_t *count) {
  for (size_t index = 0; index < call->request_metadata.count; index++) {
    const grpc_metadata *entry = &call->request_metadata.metadata[index];
    if (grpc_slice_str_cmp(entry->key, name) != 0) continue;
    /* A short value stands in the entry itself, so the entry is not copied. */
    *count = GRPC_SLICE_LENGTH(entry->value);
    return GRPC_SLICE_START_PTR(entry->value);
  }
  *count = 0;
  return NULL;
}

bool epp_call_start(epp_call *call, const epp_batch *batch, uintptr_t tag) {
  grpc_op operations[5];
  size_t count = 0;
  grpc_slice status_message;
  bool has_status_message = false;
  memset(operations, 0, sizeof operations);

  if (batch->operations & EPP_SEND_INITIAL_METADATA) operations[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
  if (batch->operations & EPP_SEND_MESSAGE) {
    assert(call->sending == NULL);
    /* Same layout: asserted in epp_slices.c. */
    call->sending = grpc_raw_byte_buffer_create((grpc_slice *)(uintptr_t)batch->slices, batch->slice_count);
    operations[count].op = GRPC_OP_SEND_MESSAGE;
    operations[count].flags = batch->buffer_hint ? GRPC_WRITE_BUFFER_HINT : 0;
    operations[count++].data.send_message.send_message = call->sending;
  }
  if (batch->operations & EPP_SEND_STATUS) {
    grpc_op *operation = &operations[count++];
    operation->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    operation->data.send_status_from_server.status = (grpc_status_code)batch->status;
    if (batch->status_message != NULL) {
      status_message = grpc_slice_from_copied_string(batch->status_message);
      has_status_message = true;
      operation->data.send_status_from_server.status_details = &status_message;
    }
  }
  if (batch->operations & EPP_RECEIVE_MESSAGE) {
    operations[count].op = GRPC_OP_RECV_MESSAGE;
    operations[count++].data.recv_message.recv_message = &call->received;
  }
  if (batch->operations & EPP_RECEIVE_CLOSE) {
    operations[count].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    operations[count++].data.recv_close_on_server.cancelled = &call->cancelled;
  }
  grpc_call_error error = grpc_call_start_batch(call->call, operations, count, (void *)tag, NULL);
  if (has_status_message) grpc_slice_unref(status_message);
  return error == GRPC_CALL_OK;
}

void epp_call_finish_send(epp_call *call) {
  if (call->sending == NULL) return;
  grpc_byte_buffer_destroy(call->sending);
  call->sending = NULL;
}

/* Messages are never compressed here (the server offers no algorithm), so a buffer is a list of slices. */
long epp_call_received_slice_count(const epp_call *call) {
  if (call->received == NULL) return -1;
  return (long)call->received->data.raw.slice_buffer.count;
}

size_t epp_call_take_received(epp_call *call, epp_slice *slices, size_t capacity) {
  grpc_byte_buffer *buffer = call->received;
  if (buffer == NULL) return 0;
  grpc_slice_buffer *source = &buffer->data.raw.slice_buffer;
  size_t count = source->count < capacity ? source->count : capacity;
  for (size_t i = 0; i < count; i++) slices[i] = epp_from_grpc(grpc_slice_ref(source->slices[i]));
  grpc_byte_buffer_destroy(buffer);
  call->received = NULL;
  return count;
}

void epp_call_cancel(epp_call *call) {
  if (call->call != NULL) grpc_call_cancel(call->call, NULL);
}
