/// Stores whose parent is not known yet: a late join learns children before their parents are announced again, or
/// replayed. Bounded; the oldest go first.
struct WaitingStores {
  struct Store {
    private(set) var hashes: [UInt64]
    private(set) var tokens: [UInt32]
    var event: BlocksStored
    /// Counts stores: copies go from the one that came first.
    var arrival: Int
    /// Bytes of what stands beside the blocks.
    private let fixedBytes: Int

    init(hashes: [UInt64], tokens: [UInt32], event: BlocksStored, arrival: Int = 0) {
      self.hashes = hashes
      self.tokens = tokens
      self.event = event
      self.arrival = arrival
      fixedBytes = 256 + event.extraKeys.reduce(0) { $0 + 32 + $1.reduce(0) { $0 + $1.sizeInBytes } }
    }

    /// Bytes in memory, or a few more.
    var sizeInBytes: Int { fixedBytes + WaitingStores.bytesPerBlock * hashes.count + 4 * tokens.count }

    /// Keeps so many blocks.
    fileprivate mutating func cut(to blocks: Int) {
      if blocks == 0 { event.extraKeys = [] }
      tokens.removeLast((hashes.count - blocks) * event.blockTokens)
      hashes.removeLast(hashes.count - blocks)
    }
  }

  /// What waits for one parent, in order of arrival.
  private struct Queue {
    /// When the parent was first missed.
    var since: Int
    /// Those without blocks are gone.
    var stores: [Store] = []
    /// Stores that have blocks.
    var left = 0

    /// The place of the store that came as this one.
    func position(of arrival: Int) -> Int? {
      var (low, high) = (0, stores.count)
      while low < high {
        let middle = (low + high) / 2
        if stores[middle].arrival < arrival { low = middle + 1 } else { high = middle }
      }
      return low < stores.count && stores[low].arrival == arrival ? low : nil
    }
  }

  /// When a parent was first missed; of no meaning any more when nothing has waited for it since then.
  private struct Miss {
    var parent: UInt64
    var since: Int
  }

  /// Where a block waits.
  private struct Place {
    var parent: UInt64
    var arrival: Int
  }

  /// Blocks that wait for all parents together.
  static let maximumBlocks = 16_384
  /// Bytes of all that waits: enough for so many single blocks of 16 tokens. How large an engine's blocks are, its own
  /// events say.
  static let maximumBytes = 8 << 20
  /// Bytes of a block beside its tokens: its hash, and where it waits.
  private static let bytesPerBlock = 112

  private var queues: [UInt64: Queue] = [:]
  /// In order of time; those without a meaning are passed over, and taken out when they are most of them.
  private var misses: [Miss] = []
  /// The first of `misses` that may have a meaning.
  private var firstMiss = 0
  /// The stores that have a block, in order of arrival: whether a removed one waits is asked of every one that is not
  /// known, and a busy engine that was joined late removes thousands of them a second.
  private var places: [UInt64: [Place]] = [:]
  private(set) var blockCount = 0
  private(set) var sizeInBytes = 0
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
    misses[firstMiss...].flatMap { miss -> [(parent: UInt64, store: Store)] in
      guard let queue = queues[miss.parent], queue.since == miss.since else { return [] }
      return queue.stores.filter { !$0.hashes.isEmpty }.map { (miss.parent, $0) }
    }
  }

  /// Takes up a store; where there is no room for it the oldest go.
  mutating func add(_ store: Store, parent: UInt64) {
    guard store.hashes.count <= Self.maximumBlocks, store.sizeInBytes <= Self.maximumBytes else { return }
    var store = store
    store.arrival = arrivals
    arrivals += 1
    append(store, parent: parent)
    while blockCount > Self.maximumBlocks || sizeInBytes > Self.maximumBytes, firstMiss < misses.count {
      let miss = misses[firstMiss]
      if queues[miss.parent]?.since == miss.since { _ = take(parent: miss.parent) }
      firstMiss += 1
    }
  }

  /// Takes up a store that has its arrival.
  mutating func append(_ store: Store, parent: UInt64) {
    if queues[parent] == nil {
      queues[parent] = Queue(since: store.arrival)
      if misses.count > 2 * queues.count + 64 {
        misses.removeAll { queues[$0.parent]?.since != $0.since }
        firstMiss = 0
      }
      misses.append(Miss(parent: parent, since: store.arrival))
    }
    queues[parent]?.stores.append(store)
    queues[parent]?.left += 1
    blockCount += store.hashes.count
    sizeInBytes += store.sizeInBytes
    for hash in store.hashes {
      // In a snapshot they stand in the order of their parents.
      let later = places[hash]?.firstIndex { $0.arrival > store.arrival } ?? places[hash]?.endIndex ?? 0
      places[hash, default: []].insert(Place(parent: parent, arrival: store.arrival), at: later)
    }
  }

  /// The stores that wait for a block, which is known from now on.
  mutating func take(parent: UInt64) -> [Store] {
    guard let stores = queues.removeValue(forKey: parent)?.stores.filter({ !$0.hashes.isEmpty }) else { return [] }
    for store in stores {
      forget(store.hashes[...], store.arrival)
      sizeInBytes -= store.sizeInBytes
    }
    return stores
  }

  /// A copy of a block that waits is gone, and with it what is behind it.
  ///
  /// - Returns: whether it was one of those that wait.
  mutating func remove(_ hash: UInt64, _ tier: StorageTier) -> Bool {
    for place in places[hash] ?? [] {
      guard let position = queues[place.parent]?.position(of: place.arrival),
        let store = queues[place.parent]?.stores[position], store.event.tier == tier,
        // Engines evict the tail first.
        let block = store.hashes.lastIndex(of: hash)
      else { continue }
      forget(store.hashes[block...], store.arrival)
      cut(position, of: place.parent, to: block)
      return true
    }
    return false
  }

  private mutating func cut(_ position: Int, of parent: UInt64, to blocks: Int) {
    guard var queue = queues[parent] else { return }
    // So that the change below copies nothing.
    queues[parent]?.stores = []
    sizeInBytes -= queue.stores[position].sizeInBytes
    queue.stores[position].cut(to: blocks)
    if blocks > 0 {
      sizeInBytes += queue.stores[position].sizeInBytes
    } else {
      queue.left -= 1
      // Not one by one: what has waited for one parent may go in any order.
      if queue.stores.count > 2 * queue.left + 16 { queue.stores.removeAll(where: \.hashes.isEmpty) }
    }
    queues[parent] = queue.left > 0 ? queue : nil
  }

  /// Blocks of a store do not wait any more.
  private mutating func forget(_ hashes: ArraySlice<UInt64>, _ arrival: Int) {
    blockCount -= hashes.count
    for hash in hashes {
      guard var left = places.removeValue(forKey: hash) else { continue }
      if let position = left.firstIndex(where: { $0.arrival == arrival }) { left.remove(at: position) }
      if !left.isEmpty { places[hash] = left }
    }
  }
}

extension ExtraKey {
  /// Bytes in memory, or a few more.
  fileprivate var sizeInBytes: Int {
    switch self {
    case .text(let text), .item(let text, _): 48 + text.utf8.count
    case .bytes(let bytes): 80 + bytes.count
    }
  }
}
