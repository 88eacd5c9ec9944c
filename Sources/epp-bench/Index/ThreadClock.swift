import Glibc

/// CPU time of the calling thread, in nanoseconds: what other threads and machines take does not count.
enum ThreadClock {
  static func now() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
