/// Stores that wait, as words of a snapshot: the number of stores and of arrivals so far (two words), then of each, in
/// order of arrival:
///
///     parent's hash; arrival; hashes (4 bytes) and tier (4): 0 GPU, 1 CPU, 2 storage
///     the hashes; the tokens, 4 bytes each
///     1 and the adapter's name, or 0
///     number of lists of extra keys; of each the number of keys; of each its kind and what it is: 0 and a text, 1, a text
///     and a place in the prompt, 2 and the bytes behind their number
extension WaitingStores {
  private enum Kind {
    static let text: UInt64 = 0
    static let item: UInt64 = 1
    static let bytes: UInt64 = 2
  }

  // MARK: - Writing

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

  /// - Parameter group: the engine's group that is indexed; nil when it has stored none.
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
