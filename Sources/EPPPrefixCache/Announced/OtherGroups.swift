/// A group of an engine's KV cache, with blocks of one size. Engines with a single group send no number, and blocks of
/// different sizes may be sent under one number.
struct CacheGroup: Hashable {
  /// The engine's group number; nil where it sends none.
  var number: Int?
  /// Tokens in a block.
  var blockTokens: Int
}

/// The groups that an engine announces besides the indexed one. Decides whether one of them has to replace it.
///
/// Prompts are looked up in blocks of one group: the group that holds most of the engine's blocks, and the first one as long as
/// none holds clearly more. The events of the other groups are logged while they are few, so that a successor starts with its
/// earlier blocks.
struct OtherGroups {
  /// An event of one group, with its own hashes and tokens: the event's ranges begin at 0.
  enum LoggedEvent {
    case stored(BlocksStored, hashes: [UInt64], tokens: [UInt32])
    case removed(BlocksRemoved, hashes: [UInt64])
  }

  private struct Entry {
    /// The group.
    var group: CacheGroup
    /// Blocks on the GPU, as far as removals can be attributed to the group.
    var blockCount = 0
    /// All its events; nil when they were too many.
    var log: [LoggedEvent]? = []
    var loggedBytes = 0
  }

  /// The group to index from now on.
  struct Successor {
    var group: CacheGroup
    /// All its events so far; nil when not all of them are known any more.
    var log: [LoggedEvent]?
  }

  /// The largest number of groups that are counted. Models have up to three, and connectors one more.
  private static let maximumCount = 8
  /// The largest log of one group in bytes: about 2,000 blocks of 16 tokens.
  private static let maximumLoggedBytes = 256 << 10
  /// A group replaces the indexed one when it has a quarter and this many blocks more: two groups of one size grow and shrink
  /// together, a message apart.
  private static let margin = 2
  /// The weight of a block whose size the engine's metrics page names; other blocks weigh 1.
  private static let weightOfNamedSize = 4

  private var entries: [Entry] = []
  /// The kinds of caches that were announced, by group number; at most `maximumCount`.
  private var kinds: [Int?: CacheKind] = [:]

  init() {}

  /// The size of all logs in bytes.
  var sizeInBytes: Int { entries.reduce(0) { $0 + $1.loggedBytes } }

  /// Counts a store that is not indexed, and notes which kind of cache its group is.
  mutating func noteKind(of event: BlocksStored, _ counts: inout AnnouncedCounts) {
    counts.notIndexed += event.hashes.count
    counts.skippedStores[event.cacheKind, default: 0] += 1
    if kinds.count < Self.maximumCount || kinds[event.group] != nil { kinds[event.group] = event.cacheKind }
  }

  /// Counts blocks of whole prefixes that were stored on the GPU, in a group that is not indexed.
  ///
  /// - Parameters:
  ///   - indexed: the indexed group, and how many of its blocks are known or wait for their parents.
  ///   - namedSize: tokens in a block according to the engine's metrics page; nil where it does not say.
  /// - Returns: the group to index from now on, when it changes.
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

  /// Counts blocks that were removed from a group that is not indexed.
  mutating func removed(_ event: BlocksRemoved, _ hashes: borrowing [UInt64], _ counts: inout AnnouncedCounts) {
    if let kind = kinds[event.group] { counts.skippedRemovals[kind, default: 0] += 1 }
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

  /// The other groups after a successor has replaced the indexed group, which is now among them, without a log.
  func succeeded(by successor: Successor, indexed: (group: CacheGroup, blockCount: Int)) -> OtherGroups {
    var result = OtherGroups()
    result.entries = entries.filter { $0.group != successor.group }
    result.kinds = kinds
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
