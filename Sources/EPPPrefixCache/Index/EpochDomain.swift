import Synchronization

/// Epoch-based reclamation: tells the writer when no reader can still use memory that it has removed from the index.
///
/// A reader announces the epoch in which it begins to read, and that it has finished; each is one store. The writer begins a
/// new epoch with each removal, and frees the removed memory when every active reader began later. Any thread may use it.
final class EpochDomain: Sendable {
  /// A reading thread's announcement. Used by one thread at a time.
  final class Reader: Sendable {
    /// The epoch in which the current read began; 0 when there is none.
    fileprivate let epoch = Atomic<UInt64>(0)
    /// Keeps readers of different threads on different cache lines.
    private let padding = InlineArray<14, UInt64>(repeating: 0)
    /// The domain; retained so that its identity stays unique.
    let domain: EpochDomain

    fileprivate init(_ domain: EpochDomain) { self.domain = domain }
  }

  private let current = Atomic<UInt64>(1)
  private let readers = Mutex<[WeakReader]>([])
  /// Memory that the writer had not freed when it ended.
  private let leftovers = Mutex<[SharedWords]>([])

  private struct WeakReader {
    weak var reader: Reader?
  }

  /// Readers retain the domain, so none is left.
  deinit { leftovers.withLock { for words in $0 { words.deallocate() } } }

  /// Frees memory when the domain ends, for a writer that ends before its readers.
  func releaseAtEnd(_ words: [SharedWords]) { leftovers.withLock { $0 += words } }

  /// A reader for one thread. It is unregistered when the last reference to it is gone. Takes a lock.
  func makeReader() -> Reader {
    let reader = Reader(self)
    readers.withLock { readers in
      readers.removeAll { $0.reader == nil }
      readers.append(WeakReader(reader: reader))
    }
    return reader
  }

  /// Begins a read: everything published now stays in memory until `leave`.
  @inline(__always)
  func enter(_ reader: Reader) {
    // When the writer has looked at this reader before the exchange, it had ended its epoch before that, too; so the second
    // load finds the new epoch, and with it whatever the writer took out before. An exchange alone would not keep the loads
    // that follow from going first on processors with weak ordering.
    _ = reader.epoch.exchange(current.load(ordering: .relaxed), ordering: .sequentiallyConsistent)
    _ = current.load(ordering: .sequentiallyConsistent)
  }

  /// Ends a read.
  @inline(__always)
  func leave(_ reader: Reader) { reader.epoch.store(0, ordering: .releasing) }

  /// Ends the current epoch and returns its number. Memory removed until now may be freed once `oldestReader` is greater.
  func advance() -> UInt64 { current.add(1, ordering: .sequentiallyConsistent).oldValue }

  /// The epoch in which the earliest active read began; the current epoch when there is none.
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
