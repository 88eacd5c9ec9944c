/// Evicts all other data from the processor's caches.
struct CacheFlush {
  private var words: [UInt64]
  /// A sum over the memory, which keeps the accesses from being optimised away.
  private(set) var sum: UInt64 = 0

  /// Allocates the memory that `run` accesses.
  ///
  /// - Parameter megabytes: MiB of memory; has to exceed the last-level cache.
  init(megabytes: Int = 96) { words = (0..<UInt64(megabytes << 17)).map { $0 } }

  /// Accesses every cache line of the memory.
  mutating func run() {
    for index in stride(from: 0, to: words.count, by: 8) {
      words[index] &+= 1
      sum &+= words[index]
    }
  }
}
