// Receives what publishers send and drops it: what libzmq alone takes of a subscriber's CPU (scripts/bench/compare-dynamo).
//
//   zmq-drain MESSAGES ADDRESS...
//
// Says `ready` when it has heard every publisher, which send messages with an empty last part and the publisher's number
// as the first part until then. Counts the other messages, and prints the CPU seconds of the process from the first to
// the last.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

enum { maximum_publishers = 1024 };

static double cpu_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// The size of a message's last part; its first part is left in `first` as text.
static size_t receive(void *subscriber, char *first, size_t capacity) {
  zmq_msg_t part;
  size_t size = 0;
  bool more = true;
  for (int number = 0; more; number++) {
    zmq_msg_init(&part);
    if (zmq_msg_recv(&part, subscriber, 0) < 0) {
      fprintf(stderr, "zmq-drain: error: %s\n", zmq_strerror(zmq_errno()));
      exit(1);
    }
    size = zmq_msg_size(&part);
    if (number == 0) snprintf(first, capacity, "%.*s", (int)size, (char *)zmq_msg_data(&part));
    more = zmq_msg_more(&part);
    zmq_msg_close(&part);
  }
  return size;
}

int main(int count, char **arguments) {
  if (count < 3 || count - 2 > maximum_publishers) {
    fprintf(stderr, "usage: zmq-drain MESSAGES ADDRESS... (at most %d)\n", maximum_publishers);
    return 2;
  }
  long messages = strtol(arguments[1], NULL, 10);
  int publishers = count - 2;
  void *subscriber = zmq_socket(zmq_ctx_new(), ZMQ_SUB);
  int unlimited = 0;
  zmq_setsockopt(subscriber, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
  zmq_setsockopt(subscriber, ZMQ_SUBSCRIBE, "", 0);
  for (int number = 0; number < publishers; number++) {
    if (zmq_connect(subscriber, arguments[2 + number]) != 0) {
      fprintf(stderr, "zmq-drain: error: cannot connect to %s\n", arguments[2 + number]);
      return 1;
    }
  }
  static bool is_heard[maximum_publishers];
  char first[32];
  for (int heard = 0; heard < publishers;) {
    if (receive(subscriber, first, sizeof first) > 0) continue;
    long number = strtol(first, NULL, 10);
    if (number < 0 || number >= publishers || is_heard[number]) continue;
    is_heard[number] = true;
    heard++;
  }
  puts("ready");
  fflush(stdout);
  double start = 0;
  for (long received = 0; received < messages;) {
    if (receive(subscriber, first, sizeof first) == 0) continue;
    if (received++ == 0) start = cpu_seconds();
  }
  printf("%.6f\n", cpu_seconds() - start);
  return 0;
}
