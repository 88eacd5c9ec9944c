import EPPCore
import EPPPrefixCache
import EPPScheduling

/// What routing needs on one worker thread, kept between requests so that nothing is allocated once it is warm.
package struct RoutingScratch {
  var prompt = CanonicalPrompt()
  /// The token ids of a text, when they are known.
  var rendered = CanonicalPrompt()
  /// What they were found for.
  var renderedKind: PromptKind?
  /// What engines' events say of the pool, as the request was matched with.
  var announcements = PrefixIndex.Announcements()
  /// The adapter that the request asks for; nil for the base model.
  var loRAName: String?
  /// The prompt's blocks by its text, and by its token ids.
  var textQuery = PrefixQuery()
  var tokenQuery = PrefixQuery()
  var scheduling: SchedulingScratch
  private static let maximumKeptBytes = 4 << 20

  init(seed: UInt64) { scheduling = SchedulingScratch(seed: seed) }

  /// A UUID (version 4) for a request that came without an id.
  package mutating func makeRequestID() -> String {
    let high = scheduling.random.next()
    let low = scheduling.random.next()
    let versioned = high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
    let variant = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    return Self.hex(versioned >> 32, 8) + "-" + Self.hex(versioned >> 16 & 0xFFFF, 4) + "-"
      + Self.hex(versioned & 0xFFFF, 4) + "-" + Self.hex(variant >> 48, 4) + "-"
      + Self.hex(variant & 0xFFFF_FFFF_FFFF, 12)
  }

  private static func hex(_ value: UInt64, _ digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  /// Lets go of the request: the queries share the prompt's storage, and what one large request needed is given back.
  mutating func trim() {
    textQuery.removeAll()
    tokenQuery.removeAll()
    rendered = CanonicalPrompt()
    renderedKind = nil
    announcements = PrefixIndex.Announcements()
    loRAName = nil
    if prompt.bytes.capacity > Self.maximumKeptBytes || prompt.tokens.capacity > Self.maximumKeptBytes / 4 {
      prompt = CanonicalPrompt()
      textQuery = PrefixQuery()
      tokenQuery = PrefixQuery()
    }
  }
}
