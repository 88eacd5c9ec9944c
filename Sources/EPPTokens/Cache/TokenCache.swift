import EPPCore
import Synchronization

/// A cache of prompts' token ids, with a limit on its bytes and on the age of entries.
///
/// Any thread may use it. It is divided into parts; a look-up holds the lock of one part for the time of a dictionary look-up.
final class TokenCache: Sendable {
  /// Bytes of an entry without its ids, estimated: keys, references, and its share of the dictionary and the ring.
  static let entryBytes = 128
  private static let parts = 16

  private struct Entry {
    var tokens: PromptTokens
    /// The reference bit of the clock algorithm: whether the entry was used since the hand passed it.
    var isUsed: Bool
  }

  /// A part of the cache. Entries are evicted by the clock algorithm: `hand` is a position in `ring`.
  private struct Part {
    var entries: [PromptIdentity: Entry] = [:]
    var ring: [PromptIdentity] = []
    var hand = 0
    var bytes = 0
    var evictions = 0
  }

  private final class Shard: Sendable {
    let part = Mutex(Part())
  }

  private let shards: [Shard]
  private let maximumBytesOfPart: Int
  private let maximumAge: Duration
  /// Time in nanoseconds of the last invalidation: tokens that were rendered earlier are not used.
  private let validSince = Atomic<UInt64>(0)
  /// Shortest time between two invalidations.
  private static let pause = Duration.seconds(60)

  init(maximumBytes: Int, maximumAge: Duration) {
    shards = (0..<Self.parts).map { _ in Shard() }
    maximumBytesOfPart = max(1, maximumBytes / Self.parts)
    self.maximumAge = maximumAge
  }

  /// Returns the tokens of a prompt; nil when there are none, when they are too old, and when they were invalidated.
  func tokens(of identity: PromptIdentity, now: MonotonicTime) -> PromptTokens? {
    let tokens = shards[identity.part(of: Self.parts)].part.withLock { part in
      part.entries[identity]?.isUsed = true
      return part.entries[identity]?.tokens
    }
    guard let tokens, now < tokens.renderedAt.advanced(by: maximumAge),
      tokens.renderedAt.nanoseconds >= validSince.load(ordering: .relaxed)
    else { return nil }
    return tokens
  }

  /// Invalidates all tokens that were rendered before `now`, at most once in 60 seconds: engines that contradict the
  /// predictions all the time must not keep the cache empty.
  ///
  /// - Returns: Whether the tokens were invalidated.
  func invalidate(now: MonotonicTime) -> Bool {
    let before = validSince.load(ordering: .relaxed)
    guard before == 0 || now >= MonotonicTime(nanoseconds: before).advanced(by: Self.pause) else { return false }
    return validSince.compareExchange(expected: before, desired: now.nanoseconds, ordering: .relaxed).exchanged
  }

  /// Adds the tokens of a prompt, and evicts others when the part exceeds its bytes. Tokens that exceed them alone are not
  /// added.
  func insert(_ tokens: PromptTokens, for identity: PromptIdentity) {
    let size = Self.size(tokens)
    guard size <= maximumBytesOfPart else { return }
    shards[identity.part(of: Self.parts)].part.withLock { part in
      if let known = part.entries[identity] {
        part.bytes -= Self.size(known.tokens)
      } else {
        part.ring.append(identity)
      }
      part.entries[identity] = Entry(tokens: tokens, isUsed: false)
      part.bytes += size
      while part.bytes > maximumBytesOfPart { Self.evict(&part, sparing: identity) }
    }
  }

  /// Number of entries, their bytes, and entries evicted for lack of room.
  var statistics: (entries: Int, bytes: Int, evictions: Int) {
    shards.reduce((0, 0, 0)) { sum, shard in
      shard.part.withLock { (sum.0 + $0.entries.count, sum.1 + $0.bytes, sum.2 + $0.evictions) }
    }
  }

  private static func size(_ tokens: PromptTokens) -> Int { entryBytes + MemoryLayout<UInt32>.size * tokens.ids.count }

  private static func evict(_ part: inout Part, sparing newest: PromptIdentity) {
    while !part.ring.isEmpty {
      if part.hand >= part.ring.count { part.hand = 0 }
      let identity = part.ring[part.hand]
      if identity == newest, part.ring.count > 1 {
        part.hand += 1
        continue
      }
      if part.entries[identity]?.isUsed == true {
        part.entries[identity]?.isUsed = false
        part.hand += 1
        continue
      }
      if let entry = part.entries.removeValue(forKey: identity) { part.bytes -= size(entry.tokens) }
      part.ring.swapAt(part.hand, part.ring.count - 1)
      part.ring.removeLast()
      part.evictions += 1
      return
    }
  }
}
