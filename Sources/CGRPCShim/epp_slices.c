#include "epp_internal.h"

static_assert(sizeof(epp_slice) == sizeof(grpc_slice), "epp_slice has the size of grpc_slice");

epp_slice epp_slice_copy(const void *bytes, size_t count) {
  return epp_from_grpc(grpc_slice_from_copied_buffer((const char *)bytes, count));
}

epp_slice epp_slice_adopt(void *bytes, size_t count, void *owner, void (*release)(void *owner)) {
  return epp_from_grpc(grpc_slice_new_with_user_data(bytes, count, release, owner));
}

const uint8_t *epp_slice_bytes(const epp_slice *slice) {
  return GRPC_SLICE_START_PTR(*(grpc_slice *)(uintptr_t)slice);
}

size_t epp_slice_count(const epp_slice *slice) { return GRPC_SLICE_LENGTH(*(const grpc_slice *)slice); }

epp_slice epp_slice_sub(const epp_slice *slice, size_t begin, size_t end) {
  return epp_from_grpc(grpc_slice_sub(epp_to_grpc(slice), begin, end));
}

void epp_slice_unref(const epp_slice *slice) { grpc_slice_unref(epp_to_grpc(slice)); }
