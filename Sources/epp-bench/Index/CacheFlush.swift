/// Pushes everything else out of the processor's caches.
struct CacheFlush {
  private var words: [UInt64]
  private(set) var sum: UInt64 = 0

  /// Larger than any last-level cache that one core is given here.
  init(megabytes: Int = 96) { words = (0..<UInt64(megabytes << 17)).map { $0 } }

  mutating func run() {
    for index in stride(from: 0, to: words.count, by: 8) {
      words[index] &+= 1
      sum &+= words[index]
    }
  }
}
