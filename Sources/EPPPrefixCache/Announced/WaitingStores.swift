/// Stores whose parent is not known yet: a picker that joins late receives children before their parents are announced again or
/// replayed. Bounded; the oldest stores are dropped first.
struct WaitingStores {
  /// One store event with its own hashes and tokens.
  struct Store {
    private(set) var hashes: [UInt64]
    private(set) var tokens: [UInt32]
    var event: BlocksStored
    /// The store's sequence number. A removed copy is taken from the oldest store that has the block.
    var arrival: Int
    /// The memory of all but hashes and tokens, in bytes.
    private let fixedBytes: Int

    init(hashes: [UInt64], tokens: [UInt32], event: BlocksStored, arrival: Int = 0) {
      self.hashes = hashes
      self.tokens = tokens
      self.event = event
      self.arrival = arrival
      fixedBytes = 256 + event.extraKeys.reduce(0) { $0 + 32 + $1.reduce(0) { $0 + $1.sizeInBytes } }
    }

    /// An upper estimate of its memory in bytes.
    var sizeInBytes: Int { fixedBytes + WaitingStores.bytesPerBlock * hashes.count + 4 * tokens.count }

    /// Keeps the first `blocks` blocks, and returns the hashes of the others.
    fileprivate mutating func cut(to blocks: Int) -> [UInt64] {
      let cut = Array(hashes[blocks...])
      if blocks == 0 { event.extraKeys = [] }
      tokens.removeLast(cut.count * event.blockTokens)
      hashes.removeLast(cut.count)
      return cut
    }
  }

  /// The stores that wait for one parent, in order of arrival.
  private struct Queue {
    /// Stores in order of arrival. An entry without blocks stands for a removed store.
    var stores: [Store] = []
    /// The number of stores that have blocks.
    var left = 0

    /// The index of the store with this sequence number; nil when it has no blocks.
    func position(of arrival: Int) -> Int? {
      var (low, high) = (0, stores.count)
      while low < high {
        let middle = (low + high) / 2
        if stores[middle].arrival < arrival { low = middle + 1 } else { high = middle }
      }
      return low < stores.count && stores[low].arrival == arrival && !stores[low].hashes.isEmpty ? low : nil
    }
  }

  /// The parent and the sequence number of a store.
  private struct StorePosition {
    var parent: UInt64
    var arrival: Int
  }

  /// The largest number of waiting blocks, over all parents.
  static let maximumBlocks = 16_384
  /// The largest size of all waiting stores in bytes: enough for `maximumBlocks` single blocks of 16 tokens. Bounds engines
  /// whose events announce larger blocks.
  static let maximumBytes = 8 << 20
  /// Bytes of a block besides its tokens: its hash, and its position.
  private static let bytesPerBlock = 112
  /// Copies of one block whose positions are remembered: as many as are counted of known blocks.
  private static let maximumCopies = Int(AnnouncedBlocks.maximumCopies)

  private var queues: [UInt64: Queue] = [:]
  /// All stores in order of arrival. Removed stores are skipped, and taken out when they are the majority.
  private var order: [StorePosition] = []
  /// The index of the first store in `order` that may still exist.
  private var first = 0
  private var storeCount = 0
  /// The stores that contain a block, in order of arrival. Every removal of an unknown block looks here, and a busy engine that
  /// was joined late sends thousands of those a second.
  private var places: [UInt64: [StorePosition]] = [:]
  /// Waiting blocks, over all parents.
  private(set) var blockCount = 0
  /// An upper estimate of the memory of all stores in bytes.
  private(set) var sizeInBytes = 0
  /// Stores that have arrived so far.
  private(set) var arrivals = 0

  /// No stores.
  init() {}

  /// The stores of a snapshot; nil when they cannot all have waited at one time.
  ///
  /// - Parameters:
  ///   - arrivals: the number of stores that had arrived.
  ///   - stores: the stores with their parents, in any order.
  init?(arrivals: Int, stores: [(parent: UInt64, store: Store)]) {
    self.arrivals = arrivals
    let stores = stores.sorted { $0.store.arrival < $1.store.arrival }
    for (position, (parent, store)) in stores.enumerated() {
      guard store.arrival < arrivals, position == 0 || stores[position - 1].store.arrival < store.arrival,
        Self.canWait(store)
      else { return nil }
      append(store, parent: parent)
    }
    guard blockCount <= Self.maximumBlocks, sizeInBytes <= Self.maximumBytes else { return nil }
  }

  var isEmpty: Bool { queues.isEmpty }

  /// Whether a store waits for the block with this hash.
  func isAwaited(_ hash: UInt64) -> Bool { queues[hash] != nil }

  /// All stores with their parents, in order of arrival.
  private var inOrder: [(parent: UInt64, store: Store)] {
    order[first...].compactMap { place in
      guard let queue = queues[place.parent], let position = queue.position(of: place.arrival) else { return nil }
      return (place.parent, queue.stores[position])
    }
  }

  private static func canWait(_ store: Store) -> Bool {
    !store.hashes.isEmpty && store.hashes.count <= maximumBlocks && store.sizeInBytes <= maximumBytes
  }

  /// Adds a store, and drops the oldest stores when there is no room for it.
  mutating func add(_ store: Store, parent: UInt64, maximumBytes: Int = Self.maximumBytes) {
    guard Self.canWait(store), store.sizeInBytes <= maximumBytes else { return }
    var store = store
    store.arrival = arrivals
    arrivals += 1
    append(store, parent: parent)
    trim(toBytes: maximumBytes)
  }

  /// Drops the oldest stores until the others are within the bounds.
  mutating func trim(toBytes maximumBytes: Int) {
    while blockCount > Self.maximumBlocks || sizeInBytes > maximumBytes, first < order.count {
      let oldest = order[first]
      first += 1
      if let position = queues[oldest.parent]?.position(of: oldest.arrival) { cut(position, of: oldest.parent, to: 0) }
    }
  }

  /// Adds a store as the newest one.
  private mutating func append(_ store: Store, parent: UInt64) {
    if order.count > 2 * storeCount + 64 {
      order.removeAll { queues[$0.parent]?.position(of: $0.arrival) == nil }
      first = 0
    }
    let place = StorePosition(parent: parent, arrival: store.arrival)
    order.append(place)
    queues[parent, default: Queue()].stores.append(store)
    queues[parent]?.left += 1
    storeCount += 1
    blockCount += store.hashes.count
    sizeInBytes += store.sizeInBytes
    for hash in store.hashes where places[hash, default: []].count < Self.maximumCopies {
      places[hash, default: []].append(place)
    }
  }

  /// Removes and returns the stores that wait for a block.
  mutating func take(parent: UInt64) -> [Store] {
    guard let stores = queues.removeValue(forKey: parent)?.stores.filter({ !$0.hashes.isEmpty }) else { return [] }
    storeCount -= stores.count
    for store in stores {
      forget(store.hashes, store.arrival)
      sizeInBytes -= store.sizeInBytes
    }
    return stores
  }

  /// Removes a copy of a waiting block, and the blocks after it in its store.
  ///
  /// - Returns: whether the block was waiting.
  mutating func remove(_ hash: UInt64, _ tier: StorageTier) -> Bool {
    for place in places[hash] ?? [] {
      guard let position = queues[place.parent]?.position(of: place.arrival),
        queues[place.parent]?.stores[position].event.tier == tier,
        // Engines evict the tail first.
        let block = queues[place.parent]?.stores[position].hashes.lastIndex(of: hash)
      else { continue }
      cut(position, of: place.parent, to: block)
      return true
    }
    return false
  }

  /// Keeps the first `blocks` blocks of a store.
  private mutating func cut(_ position: Int, of parent: UInt64, to blocks: Int) {
    // Out of the table, so that the change copies nothing.
    guard var queue = queues.removeValue(forKey: parent) else { return }
    sizeInBytes -= queue.stores[position].sizeInBytes
    let arrival = queue.stores[position].arrival
    forget(queue.stores[position].cut(to: blocks), arrival)
    if blocks > 0 {
      sizeInBytes += queue.stores[position].sizeInBytes
    } else {
      storeCount -= 1
      queue.left -= 1
      // Not one by one: what has waited for one parent may go in any order.
      if queue.stores.count > 2 * queue.left + 16 { queue.stores.removeAll(where: \.hashes.isEmpty) }
    }
    if queue.left > 0 { queues[parent] = queue }
  }

  /// Removes blocks of a store from the counts and positions.
  private mutating func forget(_ hashes: [UInt64], _ arrival: Int) {
    blockCount -= hashes.count
    for hash in hashes {
      guard var left = places.removeValue(forKey: hash) else { continue }
      if let position = left.firstIndex(where: { $0.arrival == arrival }) { left.remove(at: position) }
      if !left.isEmpty { places[hash] = left }
    }
  }
}

extension ExtraKey {
  /// An upper estimate of its memory in bytes.
  var sizeInBytes: Int {
    switch self {
    case .text(let text), .item(let text, _): 48 + text.utf8.count
    case .bytes(let bytes): 80 + bytes.count
    }
  }
}

/// Waiting stores as words of a snapshot: the number of stores, the number of arrivals so far, and then for each store, in
/// order of arrival:
///
///     parent's hash; arrival; number of hashes (4 bytes) and tier (4): 0 GPU, 1 CPU, 2 storage
///     the hashes; the tokens, 4 bytes each
///     1 and the adapter's name, or 0
///     number of lists of extra keys; for each list the number of keys; for each key its kind and value: 0 and a text;
///     1, a text and an offset in the prompt; 2, the number of bytes and the bytes
extension WaitingStores {
  private enum Kind {
    static let text: UInt64 = 0
    static let item: UInt64 = 1
    static let bytes: UInt64 = 2
  }

  // MARK: - Writing

  /// Writes all stores.
  func write(to output: inout SnapshotWordWriter) {
    let stores = inOrder
    output.append(UInt64(stores.count))
    output.append(UInt64(arrivals))
    for (parent, store) in stores {
      output.append(parent)
      output.append(UInt64(store.arrival))
      output.append(UInt32(store.hashes.count), Self.number(of: store.event.tier))
      for hash in store.hashes { output.append(hash) }
      for token in store.tokens { output.append(element: token) }
      output.pad()
      output.append(store.event.loRAName == nil ? 0 : 1)
      if let name = store.event.loRAName { output.append(text: name) }
      Self.write(store.event.extraKeys, to: &output)
    }
  }

  private static func number(of tier: StorageTier) -> UInt32 {
    switch tier {
    case .gpu: 0
    case .cpu: 1
    case .storage: 2
    }
  }

  private static func write(_ extraKeys: [[ExtraKey]], to output: inout SnapshotWordWriter) {
    output.append(UInt64(extraKeys.count))
    for keys in extraKeys {
      output.append(UInt64(keys.count))
      for key in keys {
        switch key {
        case .text(let text):
          output.append(Kind.text)
          output.append(text: text)
        case .item(let identifier, let offset):
          output.append(Kind.item)
          output.append(text: identifier)
          output.append(UInt64(bitPattern: Int64(offset)))
        case .bytes(let bytes):
          output.append(Kind.bytes)
          output.append(UInt64(bytes.count))
          output.append(bytes: bytes)
        }
      }
    }
  }

  // MARK: - Reading

  /// Reads the stores of a snapshot.
  ///
  /// - Parameter group: the indexed group of the engine; nil when it has stored none.
  /// - Throws: when the words contradict each other or the bounds.
  init(
    _ bytes: RawSpan, _ cursor: inout SnapshotWordCursor, group: CacheGroup?
  ) throws(SnapshotWordCursor.Contradiction) {
    let count = try cursor.count(bytes)
    let arrivals = Int(try cursor.word(bytes) & 0xFFFF_FFFF_FFFF)
    var stores: [(parent: UInt64, store: Store)] = []
    for _ in 0..<count {
      let parent = try cursor.word(bytes)
      stores.append(
        (parent, try Self.store(bytes, &cursor, parent: parent, group: group)))
    }
    guard let waiting = WaitingStores(arrivals: arrivals, stores: stores) else {
      throw SnapshotWordCursor.Contradiction()
    }
    self = waiting
  }

  private static func store(
    _ bytes: RawSpan, _ cursor: inout SnapshotWordCursor, parent: UInt64, group: CacheGroup?
  ) throws(SnapshotWordCursor.Contradiction) -> Store {
    let arrival = Int(try cursor.word(bytes) & 0xFFFF_FFFF_FFFF)
    let (count, tierNumber) = try cursor.halves(bytes)
    let hashes = try cursor.column(count, of: 8)
    guard let blockTokens = group?.blockTokens, count > 0, count <= Self.maximumBlocks,
      tierNumber < StorageTier.allCases.count
    else {
      throw SnapshotWordCursor.Contradiction()
    }
    // Both are below 2^32: the product fits.
    let tokens = try cursor.column(count * blockTokens, of: 4)
    let name: String? = try cursor.word(bytes) == 0 ? nil : try cursor.text(bytes)
    let extraKeys = try extraKeys(bytes, &cursor)
    return Store(
      hashes: (0..<count).map { bytes.element($0, of: hashes) },
      tokens: (0..<count * blockTokens).map { bytes.element($0, of: tokens) },
      event: BlocksStored(
        hashes: 0..<count, parent: parent, tokens: 0..<count * blockTokens, blockTokens: blockTokens,
        tier: [.gpu, .cpu, .storage][tierNumber], loRAName: name, extraKeys: extraKeys, group: group?.number,
        cacheKind: .wholePrefix),
      arrival: arrival)
  }

  private static func extraKeys(
    _ bytes: RawSpan, _ cursor: inout SnapshotWordCursor
  ) throws(SnapshotWordCursor.Contradiction) -> [[ExtraKey]] {
    var blocks: [[ExtraKey]] = []
    for _ in 0..<(try cursor.count(bytes)) {
      var keys: [ExtraKey] = []
      for _ in 0..<(try cursor.count(bytes)) {
        switch try cursor.word(bytes) {
        case Kind.text: keys.append(.text(try cursor.text(bytes)))
        case Kind.item:
          let identifier = try cursor.text(bytes)
          keys.append(.item(identifier: identifier, offset: Int(Int64(bitPattern: try cursor.word(bytes)))))
        case Kind.bytes:
          let length = try cursor.word(bytes)
          guard length <= UInt64(cursor.left * IndexSnapshotFormat.wordBytes) else {
            throw SnapshotWordCursor.Contradiction()
          }
          keys.append(.bytes(try cursor.bytes(Int(length), bytes)))
        default: throw SnapshotWordCursor.Contradiction()
        }
      }
      blocks.append(keys)
    }
    return blocks
  }
}
