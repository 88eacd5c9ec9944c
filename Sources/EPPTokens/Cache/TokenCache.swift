import EPPCore
import Synchronization

/// Token ids of prompts that were seen, up to a number of bytes and an age. Any thread may use it; a look-up takes the lock of one
/// part for the time of a dictionary look-up.
final class TokenCache: Sendable {
  /// What one entry takes beside its ids: keys, references and the dictionary's and the ring's share.
  static let entryBytes = 128
  private static let parts = 16

  private struct Entry {
    var tokens: PromptTokens
    /// Whether it was used since the hand came by.
    var isUsed: Bool
  }

  /// A part: entries, and a ring that a hand goes round to find what to drop (the clock algorithm).
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
  /// Since when tokens must have been rendered, in nanoseconds.
  private let validSince = Atomic<UInt64>(0)
  /// How often all can be dropped.
  private static let pause = Duration.seconds(60)

  init(maximumBytes: Int, maximumAge: Duration) {
    shards = (0..<Self.parts).map { _ in Shard() }
    maximumBytesOfPart = max(1, maximumBytes / Self.parts)
    self.maximumAge = maximumAge
  }

  /// The tokens of a prompt, unless they are too old.
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

  /// What was rendered before this call is not used any more; does nothing when that was done a moment ago, for engines that
  /// contradict all the time must not keep the cache empty.
  ///
  /// - Returns: whether it was done.
  func invalidate(now: MonotonicTime) -> Bool {
    let before = validSince.load(ordering: .relaxed)
    guard before == 0 || now >= MonotonicTime(nanoseconds: before).advanced(by: Self.pause) else { return false }
    return validSince.compareExchange(expected: before, desired: now.nanoseconds, ordering: .relaxed).exchanged
  }

  /// Keeps tokens; nothing that takes more than a part may have.
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

  /// Entries, bytes and how many were dropped for lack of room.
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
