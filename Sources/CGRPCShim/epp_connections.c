#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "epp_internal.h"

/* The local port of a socket that is connected, or 0. */
static int connected_port(int socket) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  int listens = 0;
  socklen_t listens_size = sizeof listens;
  if (getsockname(socket, (struct sockaddr *)&address, &size) != 0) return 0;
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return 0;
  if (getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) != 0 || listens != 0) return 0;
  return address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port)
                                      : ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
}

/* The core has no count of its own but channelz, which is a filter that every message passes. The kernel gives no outgoing
 * connection the port of a listener, so a connected socket with that port is one that the listener has accepted. */
unsigned epp_connections(int port) {
  DIR *descriptors = opendir("/proc/self/fd");
  /* Most likely no descriptor is left, so there are connections. */
  if (descriptors == NULL) return 1;
  unsigned count = 0;
  for (struct dirent *entry = readdir(descriptors); entry != NULL; entry = readdir(descriptors)) {
    char *end;
    long number = strtol(entry->d_name, &end, 10);
    if (end != entry->d_name && *end == 0 && connected_port((int)number) == port) count++;
  }
  closedir(descriptors);
  return count;
}

int epp_listen_error(const char *host, int port) {
  char service[8];
  snprintf(service, sizeof service, "%d", port);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
  struct addrinfo *address = NULL;
  if (getaddrinfo(host, service, &hints, &address) != 0) return EADDRNOTAVAIL;
  int result = 0, reuse = 1;
  int listener = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) != 0 ||
      bind(listener, address->ai_addr, address->ai_addrlen) != 0 || listen(listener, 1) != 0)
    result = errno;
  if (listener >= 0) close(listener);
  freeaddrinfo(address);
  return result;
}
