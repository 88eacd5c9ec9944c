#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Calls of malloc, calloc, realloc and their aligned relatives that the calling thread has made in this program and in the
/// libraries that are linked into it.
uint64_t epp_allocation_count(void);

/// Whether allocations are counted: not where a sanitizer has an allocator of its own, and with glibc alone.
bool epp_counts_allocations(void);
