import Synchronization

/// Tells the writer when no reader can still use what it has taken out of the index.
///
/// A reader announces the epoch in which it begins to look, and that it has finished; both are one store. The writer
/// begins a new epoch with whatever it takes out, and releases it when every reader that looks began later.
final class EpochDomain: Sendable {
  /// A thread's place in the domain. One thread at a time uses it.
  final class Reader: Sendable {
    /// The epoch in which the present look began; 0 when there is none.
    fileprivate let epoch = Atomic<UInt64>(0)
    /// Readers of different threads do not share a cache line.
    private let padding = InlineArray<14, UInt64>(repeating: 0)
    /// Kept, so that no other one can be taken for it.
    let domain: EpochDomain

    fileprivate init(_ domain: EpochDomain) { self.domain = domain }
  }

  private let current = Atomic<UInt64>(1)
  private let readers = Mutex<[WeakReader]>([])
  /// What the writer had still to release when it ended.
  private let leftovers = Mutex<[SharedWords]>([])

  private struct WeakReader {
    weak var reader: Reader?
  }

  /// Readers hold the domain, so by now none is left.
  deinit { leftovers.withLock { for words in $0 { words.deallocate() } } }

  /// Releases memory when the domain ends: for a writer that ends before its readers.
  func releaseAtEnd(_ words: [SharedWords]) { leftovers.withLock { $0 += words } }

  /// A place for a thread that reads; given back with the last reference to it.
  func makeReader() -> Reader {
    let reader = Reader(self)
    readers.withLock { readers in
      readers.removeAll { $0.reader == nil }
      readers.append(WeakReader(reader: reader))
    }
    return reader
  }

  /// What is published now stays in memory until `leave`.
  @inline(__always)
  func enter(_ reader: Reader) {
    // When the writer has looked at this reader before the exchange, it had ended its epoch before that, too; so the second
    // load finds the new epoch, and with it whatever the writer took out before. An exchange alone would not keep the loads
    // that follow from going first on processors with weak ordering.
    _ = reader.epoch.exchange(current.load(ordering: .relaxed), ordering: .sequentiallyConsistent)
    _ = current.load(ordering: .sequentiallyConsistent)
  }

  @inline(__always)
  func leave(_ reader: Reader) { reader.epoch.store(0, ordering: .releasing) }

  /// Ends the present epoch and returns its number: what was taken out until now may be released once `oldestReader`
  /// is beyond it.
  func advance() -> UInt64 { current.add(1, ordering: .sequentiallyConsistent).oldValue }

  /// The epoch in which the earliest read that still goes on began; the present one when no read goes on.
  func oldestReader() -> UInt64 {
    var oldest = current.load(ordering: .sequentiallyConsistent)
    readers.withLock { readers in
      for entry in readers {
        guard let epoch = entry.reader?.epoch.load(ordering: .sequentiallyConsistent), epoch > 0 else { continue }
        oldest = min(oldest, epoch)
      }
    }
    return oldest
  }
}
