import Glibc

/// Clocks of CPU time in nanoseconds.
enum ThreadClock {
  /// Returns the CPU time of the calling thread.
  static func now() -> Int64 { now(CLOCK_THREAD_CPUTIME_ID) }

  /// Returns the CPU time of all threads of the process.
  static func ofProcess() -> Int64 { now(CLOCK_PROCESS_CPUTIME_ID) }

  private static func now(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
