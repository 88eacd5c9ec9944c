/// Stores whose parent is not known yet: a late join learns children before their parents are announced again, or
/// replayed. Bounded; the oldest go first.
struct WaitingStores {
  struct Store {
    var hashes: [UInt64]
    var tokens: [UInt32]
    var event: BlocksStored
    /// Counts stores: copies go from the one that came first.
    var arrival = 0
  }

  /// What waits for one parent, in order of arrival.
  private struct Queue {
    /// When the parent was first missed.
    var since: Int
    var stores: [Store] = []
  }

  /// When a parent was first missed; of no meaning any more when nothing has waited for it since then.
  private struct Miss {
    var parent: UInt64
    var since: Int
  }

  /// Blocks that wait for all parents together.
  static let maximumBlocks = 16_384

  private var queues: [UInt64: Queue] = [:]
  /// In order of time; those without a meaning are passed over, and taken out when they are most of them.
  private var misses: [Miss] = []
  /// How often a block waits: whether a removed one does is asked of every one that is not known.
  private var waitCounts: [UInt64: Int] = [:]
  private(set) var blockCount = 0
  /// Stores that have come so far.
  private(set) var arrivals = 0

  init() {}

  /// Without any, after so many have come.
  init(arrivals: Int) { self.arrivals = arrivals }

  var isEmpty: Bool { queues.isEmpty }

  /// Whether something waits for a block.
  func isAwaited(_ hash: UInt64) -> Bool { queues[hash] != nil }

  /// All of them with their parents, in the order in which these were first missed.
  var inOrder: [(parent: UInt64, store: Store)] {
    misses.flatMap { miss -> [(parent: UInt64, store: Store)] in
      guard let queue = queues[miss.parent], queue.since == miss.since else { return [] }
      return queue.stores.map { (miss.parent, $0) }
    }
  }

  /// Takes up a store; where there is no room for it the oldest go.
  mutating func add(_ store: Store, parent: UInt64) {
    guard store.hashes.count <= Self.maximumBlocks else { return }
    var store = store
    store.arrival = arrivals
    arrivals += 1
    append(store, parent: parent)
    var oldest = 0
    while blockCount > Self.maximumBlocks, oldest < misses.count {
      if queues[misses[oldest].parent]?.since == misses[oldest].since { _ = take(parent: misses[oldest].parent) }
      oldest += 1
    }
    misses.removeFirst(oldest)
  }

  /// Takes up a store that has its arrival.
  mutating func append(_ store: Store, parent: UInt64) {
    if queues[parent] == nil {
      queues[parent] = Queue(since: store.arrival)
      if misses.count > 2 * queues.count + 64 { misses.removeAll { queues[$0.parent]?.since != $0.since } }
      misses.append(Miss(parent: parent, since: store.arrival))
    }
    queues[parent]?.stores.append(store)
    blockCount += store.hashes.count
    for hash in store.hashes { waitCounts[hash, default: 0] += 1 }
  }

  /// The stores that wait for a block, which is known from now on.
  mutating func take(parent: UInt64) -> [Store] {
    guard let stores = queues.removeValue(forKey: parent)?.stores else { return [] }
    for store in stores { uncount(store.hashes[...]) }
    return stores
  }

  /// A block that waits is gone, and with it what is behind it.
  ///
  /// - Returns: whether it was one of those that wait.
  mutating func remove(_ hash: UInt64) -> Bool {
    guard waitCounts[hash] != nil else { return false }
    var first: (parent: UInt64, position: Int, block: Int, arrival: Int)?
    for (parent, queue) in queues {
      for (position, store) in queue.stores.enumerated() where store.arrival < first?.arrival ?? .max {
        guard let block = store.hashes.firstIndex(of: hash) else { continue }
        first = (parent, position, block, store.arrival)
      }
    }
    guard let (parent, position, block, _) = first, var store = queues[parent]?.stores[position] else { return false }
    uncount(store.hashes[block...])
    store.tokens.removeLast((store.hashes.count - block) * store.event.blockTokens)
    store.hashes.removeLast(store.hashes.count - block)
    queues[parent]?.stores[position] = store
    if store.hashes.isEmpty { queues[parent]?.stores.remove(at: position) }
    if queues[parent]?.stores.isEmpty == true { queues[parent] = nil }
    return true
  }

  /// Blocks do not wait any more.
  private mutating func uncount(_ hashes: ArraySlice<UInt64>) {
    blockCount -= hashes.count
    for hash in hashes {
      let count = waitCounts[hash] ?? 0
      waitCounts[hash] = count > 1 ? count - 1 : nil
    }
  }
}
