#include "epp_internal.h"

/* absl::debian3::SetMutexDeadlockDetectionMode(OnDeadlockCycle::kIgnore) of Debian 12's libabsl. Weak: where the library has
 * another name for it, detection stays on and costs a little. */
extern void _ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE(int mode) __attribute__((weak));

void epp_grpc_init(void) {
  if (_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE)
    _ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE(0);
  grpc_init();
}

void epp_grpc_shutdown(void) { grpc_shutdown(); }

const char *epp_grpc_version(void) { return grpc_version_string(); }

static gpr_timespec epp_time(uint64_t nanoseconds) {
  if (nanoseconds == UINT64_MAX) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  gpr_timespec time = {
      .tv_sec = (int64_t)(nanoseconds / 1000000000u),
      .tv_nsec = (int32_t)(nanoseconds % 1000000000u),
      .clock_type = GPR_CLOCK_MONOTONIC,
  };
  return time;
}

uint64_t epp_monotonic_now(void) {
  gpr_timespec now = gpr_now(GPR_CLOCK_MONOTONIC);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

epp_queue *epp_queue_create(void) {
  grpc_init();
  return (epp_queue *)grpc_completion_queue_create_for_next(NULL);
}

epp_event epp_queue_next(epp_queue *queue, uint64_t deadline) {
  grpc_event event = grpc_completion_queue_next(epp_grpc_queue(queue), epp_time(deadline), NULL);
  epp_event result = {.kind = EPP_EVENT_SHUTDOWN, .success = event.success != 0, .tag = (uintptr_t)event.tag};
  if (event.type == GRPC_QUEUE_TIMEOUT) result.kind = EPP_EVENT_TIMEOUT;
  if (event.type == GRPC_OP_COMPLETE) result.kind = EPP_EVENT_COMPLETE;
  return result;
}

void epp_queue_shutdown(epp_queue *queue) { grpc_completion_queue_shutdown(epp_grpc_queue(queue)); }

void epp_queue_destroy(epp_queue *queue) {
  grpc_completion_queue_destroy(epp_grpc_queue(queue));
  grpc_shutdown();
}
