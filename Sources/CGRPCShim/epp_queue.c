#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

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

int32_t epp_cpu_clock(void) {
  clockid_t clock;
  return pthread_getcpuclockid(pthread_self(), &clock) == 0 ? clock : 0;
}

uint64_t epp_cpu_time(int32_t clock) {
  struct timespec time;
  if (clock == 0 || clock_gettime(clock, &time) != 0) return 0;
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

struct epp_queue {
  grpc_completion_queue *completions;
  /* Whether writes are gathered, and the turn that is under way: the events since the thread last blocked. */
  bool gathers;
  bool has_ahead;
  epp_event ahead;
  uint32_t turn_events;
  uint64_t held_since;
  /* Sockets that have not taken what was kept for them, and how long to wait before they are tried again. */
  unsigned stalled;
  uint64_t retry_nanoseconds;
  /* Turns in a row in which gathering saved nothing; then turns that are still to be gone through without looking ahead. */
  uint32_t barren_turns;
  uint32_t plain_turns;
  pthread_mutex_t parking;
  pthread_cond_t unparked;
  bool may_pass;
};

/* A turn ends after so many events or so long after its first held send, whatever waits: nothing is held for longer than
 * that and the time that one event takes. With 32 events and 0.2 ms a request of 1 KB costs 6 % more; 128 events and 1 ms gain
 * nothing. */
enum { maximum_turn_events = 64, turn_nanoseconds = 500000 };
/* After `barren_turns` turns in a row in which gathering saved nothing, the next `plain_turns` do not look ahead: looking costs a
 * poll, 10 % of a chunk that comes alone. After the first such turn already, a saturated chunk costs 20 % more. */
enum { barren_turns = 8, plain_turns = 15 };
enum { shortest_retry_nanoseconds = 1000000, longest_retry_nanoseconds = 32000000 };

epp_queue *epp_queue_create(bool gathers) {
  grpc_init();
  epp_queue *queue = gpr_zalloc(sizeof *queue);
  queue->completions = grpc_completion_queue_create_for_next(NULL);
  queue->gathers = gathers;
  pthread_mutex_init(&queue->parking, NULL);
  pthread_cond_init(&queue->unparked, NULL);
  return queue;
}

grpc_completion_queue *epp_grpc_queue(epp_queue *queue) { return queue->completions; }

static epp_event next_event(epp_queue *queue, gpr_timespec deadline) {
  grpc_event event = grpc_completion_queue_next(queue->completions, deadline, NULL);
  epp_event result = {.kind = EPP_EVENT_SHUTDOWN, .success = event.success != 0, .tag = (uintptr_t)event.tag};
  if (event.type == GRPC_QUEUE_TIMEOUT) result.kind = EPP_EVENT_TIMEOUT;
  if (event.type == GRPC_OP_COMPLETE) result.kind = EPP_EVENT_COMPLETE;
  return result;
}

/* Sends what the turn has held; how long the first of it waited, in nanoseconds, or 0. */
static uint64_t end_turn(epp_queue *queue) {
  uint64_t waited = 0;
  epp_writes_hold(false);
  epp_pushed pushed = epp_writes_push();
  /* Longer and longer while nothing changes. */
  if (pushed.stalled == 0 || pushed.stalled != queue->stalled)
    queue->retry_nanoseconds = shortest_retry_nanoseconds;
  else if (queue->retry_nanoseconds < longest_retry_nanoseconds)
    queue->retry_nanoseconds *= 2;
  queue->stalled = pushed.stalled;
  if (pushed.kept != 0) waited = epp_monotonic_now() - queue->held_since;
  queue->held_since = 0;
  if (queue->turn_events != 0) {
    queue->barren_turns = pushed.saved != 0 ? 0 : queue->barren_turns + 1;
    if (queue->barren_turns >= barren_turns) queue->plain_turns = plain_turns;
  }
  queue->turn_events = 0;
  return waited;
}

/* The only place in which the thread blocks in the core. */
static epp_event wait_for_event(epp_queue *queue, uint64_t deadline) {
  bool is_holding = epp_writes_held() != queue->stalled;
  uint64_t retry = queue->stalled != 0 ? epp_monotonic_now() + queue->retry_nanoseconds : UINT64_MAX;
  epp_event event = next_event(queue, epp_time(deadline < retry ? deadline : retry));
  event.waited_while_holding = is_holding;
  return event;
}

/* Takes the event after the current one, if there is one already: what the current one sends may then wait for it. The last
 * event of a turn sends at once, and with it all that its socket has kept; a single event never waits. */
static void look_ahead(epp_queue *queue) {
  epp_writes_hold(false);
  if (queue->turn_events == 0 && queue->plain_turns != 0) {
    queue->plain_turns--;
    return;
  }
  if (++queue->turn_events >= maximum_turn_events) return;
  if (queue->held_since != 0 && epp_monotonic_now() - queue->held_since > turn_nanoseconds) return;
  queue->ahead = next_event(queue, gpr_inf_past(GPR_CLOCK_MONOTONIC));
  queue->has_ahead = queue->ahead.kind != EPP_EVENT_TIMEOUT;
  if (!queue->has_ahead) return;
  if (queue->held_since == 0) queue->held_since = epp_monotonic_now();
  epp_writes_hold(true);
}

epp_event epp_queue_next(epp_queue *queue, uint64_t deadline) {
  epp_event event;
  if (queue->has_ahead) {
    event = queue->ahead;
    queue->has_ahead = false;
  } else {
    uint64_t held = end_turn(queue);
    event = wait_for_event(queue, deadline);
    event.held_nanoseconds = held;
  }
  if (queue->gathers && event.kind == EPP_EVENT_COMPLETE) look_ahead(queue);
  if (event.kind == EPP_EVENT_SHUTDOWN) end_turn(queue);
  return event;
}

void epp_queue_park(epp_queue *queue) {
  end_turn(queue);
  if (queue->stalled != 0) return;
  pthread_mutex_lock(&queue->parking);
  while (!queue->may_pass) pthread_cond_wait(&queue->unparked, &queue->parking);
  queue->may_pass = false;
  pthread_mutex_unlock(&queue->parking);
}

void epp_queue_unpark(epp_queue *queue) {
  pthread_mutex_lock(&queue->parking);
  queue->may_pass = true;
  pthread_cond_signal(&queue->unparked);
  pthread_mutex_unlock(&queue->parking);
}

void epp_queue_shutdown(epp_queue *queue) { grpc_completion_queue_shutdown(queue->completions); }

void epp_queue_destroy(epp_queue *queue) {
  grpc_completion_queue_destroy(queue->completions);
  pthread_cond_destroy(&queue->unparked);
  pthread_mutex_destroy(&queue->parking);
  gpr_free(queue);
  grpc_shutdown();
}
