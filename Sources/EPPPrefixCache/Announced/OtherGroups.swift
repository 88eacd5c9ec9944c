/// A group of an engine's KV cache: blocks of one size. Engines that have one group number none, and blocks of different sizes may
/// come under one number.
struct CacheGroup: Hashable {
  /// The engine's number; nil where it gives none.
  var number: Int?
  /// Tokens in a block.
  var blockTokens: Int
}

/// The groups that an engine announces beside the one that is indexed, and whether one of them has to take its place.
///
/// Prompts are looked up in blocks of one group. Indexed is the group that holds most of the engine's blocks, and the first one as
/// long as none holds clearly more. What the others announce is logged for as long as that is little, so that another one begins
/// with what came before it.
struct OtherGroups {
  /// An event of one of them, with bytes of its own: the event's ranges begin at 0.
  enum LoggedEvent {
    case stored(BlocksStored, hashes: [UInt64], tokens: [UInt32])
    case removed(BlocksRemoved, hashes: [UInt64])
  }

  private struct Entry {
    var group: CacheGroup
    /// Blocks on the GPU, as far as its removals can be told from those of others.
    var blockCount = 0
    /// Everything that it has announced; nil when that was too much.
    var log: [LoggedEvent]? = []
    var loggedBytes = 0
  }

  /// The group to index from now on.
  struct Successor {
    var group: CacheGroup
    /// What it has announced so far; nil when not all of it is known any more.
    var log: [LoggedEvent]?
  }

  /// Groups that are counted. Models have up to three, and connectors one more.
  private static let maximumCount = 8
  /// Bytes of one group's log: about 2,000 blocks of 16 tokens.
  private static let maximumLoggedBytes = 256 << 10
  /// A group takes over with so many blocks more, and a quarter more, than the indexed one has: two groups of one size rise and
  /// fall together, a message apart.
  private static let margin = 2
  /// A block counts so many times where the engine's own metrics page names its size.
  private static let weightOfNamedSize = 4

  private var entries: [Entry] = []

  init() {}

  var sizeInBytes: Int { entries.reduce(0) { $0 + $1.loggedBytes } }

  /// Blocks of whole prefixes are on the GPU, in a group that is not indexed.
  ///
  /// - Parameters:
  ///   - indexed: the group that is, and how many of its blocks are known or wait for their parents.
  ///   - namedSize: tokens in a block, as the engine's metrics page has it; nil where it has none.
  /// - Returns: the group to index from now on, when it is another one.
  mutating func stored(
    _ event: BlocksStored, _ hashes: borrowing [UInt64], _ tokens: borrowing [UInt32],
    indexed: (group: CacheGroup, blockCount: Int), namedSize: Int?
  ) -> Successor? {
    let group = CacheGroup(number: event.group, blockTokens: event.blockTokens)
    guard group != indexed.group, let position = position(of: group) else { return nil }
    entries[position].blockCount += event.hashes.count
    log(event, hashes, tokens, at: position)
    let rival: Int = entries[position].blockCount * Self.weight(group, namedSize)
    let own: Int = indexed.blockCount * Self.weight(indexed.group, namedSize)
    guard rival > own + own / 4 + Self.margin else { return nil }
    return Successor(group: group, log: entries[position].log)
  }

  /// Blocks of a group that is not indexed have gone.
  mutating func removed(_ event: BlocksRemoved, _ hashes: borrowing [UInt64]) {
    // Of several groups with one number it is taken for the largest: only the hashes would tell.
    let numbered = entries.indices.filter { entries[$0].group.number == event.group }
    guard event.tier == .gpu, let position = numbered.max(by: { entries[$0].blockCount < entries[$1].blockCount })
    else { return }
    entries[position].blockCount = max(0, entries[position].blockCount - event.hashes.count)
    guard entries[position].log != nil else { return }
    var copy = event
    copy.hashes = 0..<event.hashes.count
    append(.removed(copy, hashes: Array(hashes[event.hashes])), bytes: 64 + 8 * event.hashes.count, at: position)
  }

  /// Those that there are when a successor has taken over: the one before is among them, without its log.
  func succeeded(by successor: Successor, indexed: (group: CacheGroup, blockCount: Int)) -> OtherGroups {
    var result = OtherGroups()
    result.entries = entries.filter { $0.group != successor.group }
    result.entries.append(Entry(group: indexed.group, blockCount: indexed.blockCount, log: nil))
    return result
  }

  private static func weight(_ group: CacheGroup, _ namedSize: Int?) -> Int {
    group.blockTokens == namedSize ? weightOfNamedSize : 1
  }

  private mutating func position(of group: CacheGroup) -> Int? {
    if let known = entries.firstIndex(where: { $0.group == group }) { return known }
    guard entries.count < Self.maximumCount else { return nil }
    entries.append(Entry(group: group))
    return entries.count - 1
  }

  private mutating func log(
    _ event: BlocksStored, _ hashes: borrowing [UInt64], _ tokens: borrowing [UInt32], at position: Int
  ) {
    guard entries[position].log != nil else { return }
    var copy = event
    copy.hashes = 0..<event.hashes.count
    copy.tokens = 0..<event.tokens.count
    let extraBytes = event.extraKeys.joined().reduce(32 * event.extraKeys.count) { $0 + $1.sizeInBytes }
    append(
      .stored(copy, hashes: Array(hashes[event.hashes]), tokens: Array(tokens[event.tokens])),
      bytes: 256 + 8 * event.hashes.count + 4 * event.tokens.count + extraBytes, at: position)
  }

  private mutating func append(_ event: LoggedEvent, bytes: Int, at position: Int) {
    entries[position].loggedBytes += bytes
    if entries[position].loggedBytes > Self.maximumLoggedBytes {
      entries[position].log = nil
      entries[position].loggedBytes = 0
    } else {
      entries[position].log?.append(event)
    }
  }
}
