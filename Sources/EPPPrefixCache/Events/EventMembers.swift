/// The members of one event, read in any order.
struct EventMembers {
  enum EventType {
    case stored
    case removed
    case cleared
    case unknown
  }

  private enum Member {
    case type
    case hashes
    case parent
    case tokens
    case blockTokens
    case medium
    case loRAName
    case extraKeys
    case group
    case cacheKind
    case other
  }

  private(set) var type: EventType?
  private var hashes = 0..<0
  private var parent: UInt64?
  private var tokens = 0..<0
  private var blockTokens = 0
  private var tier = StorageTier.gpu
  private var loRAName: String?
  private var extraKeys: [[ExtraKey]] = []
  /// SGLang's cache salt, which applies to the whole prefix.
  private var cacheSalt: String?
  private var group: Int?
  private var cacheKind = CacheKind.wholePrefix

  /// The order of members in an array that begins with the event's type. It is vLLM's; SGLang has the first six in common.
  private static let storedOrder: [Member] = [
    .hashes, .parent, .tokens, .blockTokens, .other, .medium, .loRAName, .extraKeys, .group, .cacheKind,
  ]
  private static let removedOrder: [Member] = [.hashes, .medium, .group]

  /// Reads an event that is a map.
  init(
    map bytes: RawSpan, _ cursor: inout MessagePackCursor, _ batch: inout KVEventBatch
  ) throws(MessagePackError) {
    for _ in 0..<(try cursor.readMapHeader(bytes)) {
      guard cursor.kind(bytes) == .string else {
        try cursor.skip(bytes)
        try cursor.skip(bytes)
        continue
      }
      let name = try cursor.readString(bytes)
      try read(Self.member(bytes, name), bytes, &cursor, &batch)
    }
  }

  /// Reads an event that is an array.
  init(
    array bytes: RawSpan, _ cursor: inout MessagePackCursor, _ batch: inout KVEventBatch
  ) throws(MessagePackError) {
    let count = try cursor.readArrayHeader(bytes)
    guard count > 0 else { throw cursor.error(.unexpectedKind) }
    try read(.type, bytes, &cursor, &batch)
    let order: [Member] =
      switch type {
      case .stored: Self.storedOrder
      case .removed: Self.removedOrder
      default: []
      }
    for position in 0..<(count - 1) {
      try read(position < order.count ? order[position] : .other, bytes, &cursor, &batch)
    }
  }

  /// The members as a store event.
  var stored: BlocksStored {
    var extraKeys = extraKeys
    // As vLLM has it: with the first block of a prefix and with no other one.
    if let cacheSalt, parent == nil { extraKeys = [[.text(cacheSalt)]] }
    return BlocksStored(
      hashes: hashes, parent: parent, tokens: tokens, blockTokens: blockTokens, tier: tier,
      loRAName: loRAName, extraKeys: extraKeys, group: group, cacheKind: cacheKind)
  }

  /// The members as a removal event.
  var removed: BlocksRemoved { BlocksRemoved(hashes: hashes, tier: tier, group: group) }

  // MARK: - Members

  private mutating func read(
    _ member: Member, _ bytes: RawSpan, _ cursor: inout MessagePackCursor, _ batch: inout KVEventBatch
  ) throws(MessagePackError) {
    switch member {
    case .type: type = try Self.readType(bytes, &cursor)
    case .hashes: hashes = try Self.readHashes(bytes, &cursor, &batch.hashes)
    case .parent: parent = cursor.readNull(bytes) ? nil : try Self.readHash(bytes, &cursor)
    case .tokens: tokens = try Self.readTokens(bytes, &cursor, &batch.tokens)
    case .blockTokens: blockTokens = try Self.readCount(bytes, &cursor) ?? 0
    case .medium: tier = try Self.readTier(bytes, &cursor)
    case .loRAName:
      // SGLang has a map of metadata at this place, with the salt in it.
      if cursor.kind(bytes) == .map {
        try readMetadata(bytes, &cursor)
      } else {
        loRAName = try Self.readText(bytes, &cursor)
      }
    case .extraKeys: if !cursor.readNull(bytes) { extraKeys = try Self.readExtraKeys(bytes, &cursor, &batch) }
    case .group: group = try Self.readCount(bytes, &cursor)
    case .cacheKind: cacheKind = try Self.readCacheKind(bytes, &cursor)
    case .other: try cursor.skip(bytes)
    }
  }

  private static func member(_ bytes: RawSpan, _ name: Range<Int>) -> Member {
    switch name.count {
    case 4 where equal(bytes, name, "type"): .type
    case 6 where equal(bytes, name, "medium"): .medium
    case 9 where equal(bytes, name, "token_ids"): .tokens
    case 9 where equal(bytes, name, "lora_name"): .loRAName
    case 9 where equal(bytes, name, "group_idx"): .group
    case 10 where equal(bytes, name, "block_size"): .blockTokens
    case 10 where equal(bytes, name, "extra_keys"): .extraKeys
    case 12 where equal(bytes, name, "block_hashes"): .hashes
    case 17 where equal(bytes, name, "parent_block_hash"): .parent
    case 18 where equal(bytes, name, "kv_cache_spec_kind"): .cacheKind
    default: .other
    }
  }

  private static func readType(_ bytes: RawSpan, _ cursor: inout MessagePackCursor) throws(MessagePackError)
    -> EventType
  {
    let name = try cursor.readString(bytes)
    if equal(bytes, name, "BlockStored") { return .stored }
    if equal(bytes, name, "BlockRemoved") { return .removed }
    if equal(bytes, name, "AllBlocksCleared") { return .cleared }
    return .unknown
  }

  private static func readHashes(
    _ bytes: RawSpan, _ cursor: inout MessagePackCursor, _ hashes: inout [UInt64]
  ) throws(MessagePackError) -> Range<Int> {
    let start = hashes.count
    let count = try cursor.readArrayHeader(bytes)
    reserve(count, in: &hashes)
    for _ in 0..<count { hashes.append(try readHash(bytes, &cursor)) }
    return start..<hashes.count
  }

  /// Reserves room for `count` more elements, at least doubling the array, so that many small events do not reallocate it each
  /// time.
  private static func reserve<Element>(_ count: Int, in array: inout [Element]) {
    guard array.count + count > array.capacity else { return }
    array.reserveCapacity(max(array.count + count, 2 * array.capacity))
  }

  /// Reads an integer, or a digest of 16 or 32 bytes, of which vLLM sends the last eight, big-endian, as an integer.
  private static func readHash(_ bytes: RawSpan, _ cursor: inout MessagePackCursor) throws(MessagePackError) -> UInt64 {
    guard cursor.kind(bytes) == .binary else { return try cursor.readInteger(bytes) }
    let digest = try cursor.readBinary(bytes)
    guard digest.count >= 8 else { throw cursor.error(.unexpectedKind) }
    var hash: UInt64 = 0
    for offset in (digest.upperBound - 8)..<digest.upperBound {
      hash = hash << 8 | UInt64(bytes.unsafeByte(offset))
    }
    return hash
  }

  private static func readTokens(
    _ bytes: RawSpan, _ cursor: inout MessagePackCursor, _ tokens: inout [UInt32]
  ) throws(MessagePackError) -> Range<Int> {
    let start = tokens.count
    if cursor.readNull(bytes) { return start..<start }
    let count = try cursor.readArrayHeader(bytes)
    reserve(count, in: &tokens)
    try cursor.readTokens(bytes, count, into: &tokens)
    return start..<tokens.count
  }

  private static func readCount(_ bytes: RawSpan, _ cursor: inout MessagePackCursor) throws(MessagePackError) -> Int? {
    if cursor.readNull(bytes) { return nil }
    return max(0, Int(clamping: Int64(bitPattern: try cursor.readInteger(bytes))))
  }

  private static func readText(_ bytes: RawSpan, _ cursor: inout MessagePackCursor) throws(MessagePackError) -> String?
  {
    if cursor.readNull(bytes) { return nil }
    return text(bytes, try cursor.readString(bytes))
  }

  private static func readTier(
    _ bytes: RawSpan, _ cursor: inout MessagePackCursor
  ) throws(MessagePackError) -> StorageTier {
    if cursor.readNull(bytes) { return .gpu }
    let word = try cursor.readString(bytes)
    // Nearly always this one, and without a string.
    return equal(bytes, word, "GPU") ? .gpu : StorageTier(medium: text(bytes, word))
  }

  private static func readCacheKind(
    _ bytes: RawSpan, _ cursor: inout MessagePackCursor
  ) throws(MessagePackError) -> CacheKind {
    if cursor.readNull(bytes) { return .wholePrefix }
    let word = try cursor.readString(bytes)
    return equal(bytes, word, "full_attention") ? .wholePrefix : CacheKind(specification: text(bytes, word))
  }

  // MARK: - Extra keys

  /// Reads one list or nil for each block. The result is empty when all are nil, which is the usual case.
  private static func readExtraKeys(
    _ bytes: RawSpan, _ cursor: inout MessagePackCursor, _ batch: inout KVEventBatch
  ) throws(MessagePackError) -> [[ExtraKey]] {
    var blocks: [[ExtraKey]] = []
    let count = try cursor.readArrayHeader(bytes)
    try batch.countExtraKeys(count, cursor)
    for position in 0..<count {
      if cursor.readNull(bytes) {
        if !blocks.isEmpty { blocks.append([]) }
        continue
      }
      var keys: [ExtraKey] = []
      let keyCount = try cursor.readArrayHeader(bytes)
      try batch.countExtraKeys(keyCount, cursor)
      for _ in 0..<keyCount { keys.append(try readExtraKey(bytes, &cursor)) }
      if blocks.isEmpty { blocks = [[ExtraKey]](repeating: [], count: position) }
      blocks.append(keys)
    }
    return blocks
  }

  private static func readExtraKey(
    _ bytes: RawSpan, _ cursor: inout MessagePackCursor
  ) throws(MessagePackError) -> ExtraKey {
    switch cursor.kind(bytes) {
    case .string:
      return .text(text(bytes, try cursor.readString(bytes)))
    case .binary:
      let range = try cursor.readBinary(bytes)
      return .bytes(range.map { bytes.unsafeByte($0) })
    case .integer:
      return .text(String(Int64(bitPattern: try cursor.readInteger(bytes))))
    case .array:
      let count = try cursor.readArrayHeader(bytes)
      guard count >= 2 else { throw cursor.error(.unexpectedKind) }
      let identifier = text(bytes, try cursor.readString(bytes))
      let offset = Int(clamping: Int64(bitPattern: try cursor.readInteger(bytes)))
      for _ in 2..<count { try cursor.skip(bytes) }
      return .item(identifier: identifier, offset: offset)
    default:
      throw cursor.error(.unexpectedKind)
    }
  }

  /// Reads SGLang's metadata: `{"cache_salt": ...}`.
  private mutating func readMetadata(_ bytes: RawSpan, _ cursor: inout MessagePackCursor) throws(MessagePackError) {
    for _ in 0..<(try cursor.readMapHeader(bytes)) {
      guard cursor.kind(bytes) == .string else {
        try cursor.skip(bytes)
        try cursor.skip(bytes)
        continue
      }
      let name = try cursor.readString(bytes)
      if Self.equal(bytes, name, "cache_salt"), cursor.kind(bytes) == .string {
        cacheSalt = Self.text(bytes, try cursor.readString(bytes))
      } else {
        try cursor.skip(bytes)
      }
    }
  }

  // MARK: - Text

  @inline(__always)
  private static func equal(_ bytes: RawSpan, _ range: Range<Int>, _ word: StaticString) -> Bool {
    guard range.count == word.utf8CodeUnitCount else { return false }
    var difference: UInt8 = 0
    for index in 0..<range.count {
      difference |= unsafe word.utf8Start[index] ^ bytes.unsafeByte(range.lowerBound + index)
    }
    return difference == 0
  }

  private static func text(_ bytes: RawSpan, _ range: Range<Int>) -> String {
    unsafe bytes.extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }
}

extension RawSpan {
  /// The byte at `offset`, which has to be in a range that the cursor has returned. Unchecked.
  @inline(__always)
  fileprivate func unsafeByte(_ offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }
}
