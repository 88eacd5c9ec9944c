#pragma once

/// Begins to bring the cache line at an address closer. Any address will do: nothing is read that the program could see.
static inline void epp_prefetch(const void *_Nullable address) { __builtin_prefetch(address); }
