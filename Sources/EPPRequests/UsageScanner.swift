package import EPPCore

/// Reads token counts out of an answer as its pieces pass by, in any cutting and in bounded memory.
package struct UsageScanner: Sendable {
  package enum Format: Sendable {
    case json
    /// `text/event-stream`.
    case eventStream
  }

  /// What the answer has said so far; later counts replace earlier ones, field by field. Nil when it said nothing.
  package private(set) var usage: TokenUsage?
  private let format: Format
  private var members = UsageMemberScanner()
  private var lines = EventLineScanner()

  package init(_ format: Format) { self.format = format }

  /// The next piece of the body.
  package mutating func feed(_ bytes: RawSpan) {
    switch format {
    case .json:
      if let found = members.feed(bytes) { merge(found) }
    case .eventStream:
      var found: TokenUsage?
      lines.feed(bytes) { data in
        if let usage = UsageObject.find(in: data) { found = Self.merged(usage, into: found) }
      }
      if let found { merge(found) }
    }
  }

  private mutating func merge(_ found: TokenUsage) { usage = Self.merged(found, into: usage) }

  private static func merged(_ found: TokenUsage, into earlier: TokenUsage?) -> TokenUsage {
    var merged = earlier ?? TokenUsage()
    merged.promptTokens = found.promptTokens ?? merged.promptTokens
    merged.completionTokens = found.completionTokens ?? merged.completionTokens
    merged.cachedTokens = found.cachedTokens ?? merged.cachedTokens
    return merged
  }
}
