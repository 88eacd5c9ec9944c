/* Shows ThreadSanitizer the slow path of Swift's Mutex.
 *
 * The fast path is a compare-exchange that is compiled into the caller, so it is seen; a contended lock is taken and
 * given back inside libswiftSynchronization, which is not instrumented, and every access under it looks like a race.
 * Preloaded by scripts/checks/sanitize; in a process without ThreadSanitizer it does nothing but call on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

SWIFT void lock_slow(uint32_t thread, SELF) __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT _Bool try_lock_slow(SELF) __asm__("$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
SWIFT void unlock_slow(SELF) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");

static void *original(const char *name) { return dlsym(RTLD_NEXT, name); }

SWIFT void lock_slow(uint32_t thread, SELF) {
  SWIFT void (*call)(uint32_t, SELF) =
      (SWIFT void (*)(uint32_t, SELF))original("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
  call(thread, self);
  if (__tsan_acquire != NULL) __tsan_acquire(self);
}

/* Takes a lock that was given back between the look of the fast path and this one. */
SWIFT _Bool try_lock_slow(SELF) {
  SWIFT _Bool (*call)(SELF) = (SWIFT _Bool (*)(SELF))original("$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
  _Bool is_taken = call(self);
  if (is_taken && __tsan_acquire != NULL) __tsan_acquire(self);
  return is_taken;
}

SWIFT void unlock_slow(SELF) {
  SWIFT void (*call)(SELF) = (SWIFT void (*)(SELF))original("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
  if (__tsan_release != NULL) __tsan_release(self);
  call(self);
}
