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

  /// Blocks that wait for all parents together.
  static let maximumBlocks = 16_384

  var byParent: [UInt64: [Store]] = [:]
  /// Parents in the order in which they were first missed.
  var order: [UInt64] = []
  var blockCount = 0
  var arrivals = 0

  var isEmpty: Bool { byParent.isEmpty }

  /// Whether something waits for a block.
  func isAwaited(_ hash: UInt64) -> Bool { byParent[hash] != nil }

  /// - Returns: blocks that were dropped to make room.
  mutating func add(_ store: Store, parent: UInt64) -> Int {
    guard store.hashes.count <= Self.maximumBlocks else { return store.hashes.count }
    if byParent[parent] == nil { order.append(parent) }
    var store = store
    store.arrival = arrivals
    arrivals += 1
    byParent[parent, default: []].append(store)
    blockCount += store.hashes.count
    var dropped = 0
    while blockCount > Self.maximumBlocks, let oldest = order.first {
      order.removeFirst()
      let count = byParent.removeValue(forKey: oldest)?.reduce(0) { $0 + $1.hashes.count } ?? 0
      blockCount -= count
      dropped += count
    }
    return dropped
  }

  /// The stores that wait for a block, which is known from now on.
  mutating func take(parent: UInt64) -> [Store] {
    guard let stores = byParent.removeValue(forKey: parent) else { return [] }
    order.removeAll { $0 == parent }
    blockCount -= stores.reduce(0) { $0 + $1.hashes.count }
    return stores
  }

  /// A block that waits is gone, and with it what is behind it.
  ///
  /// - Returns: whether it was one of those that wait.
  mutating func remove(_ hash: UInt64) -> Bool {
    var first: (parent: UInt64, position: Int, block: Int, arrival: Int)?
    for (parent, stores) in byParent {
      for (position, store) in stores.enumerated() where store.arrival < first?.arrival ?? .max {
        guard let block = store.hashes.firstIndex(of: hash) else { continue }
        first = (parent, position, block, store.arrival)
      }
    }
    guard let (parent, position, block, _) = first, var store = byParent[parent]?[position] else { return false }
    blockCount -= store.hashes.count - block
    store.tokens.removeLast((store.hashes.count - block) * store.event.blockTokens)
    store.hashes.removeLast(store.hashes.count - block)
    byParent[parent]?[position] = store
    if store.hashes.isEmpty { byParent[parent]?.remove(at: position) }
    if byParent[parent]?.isEmpty == true {
      byParent[parent] = nil
      order.removeAll { $0 == parent }
    }
    return true
  }

  mutating func removeAll() { self = WaitingStores() }
}
