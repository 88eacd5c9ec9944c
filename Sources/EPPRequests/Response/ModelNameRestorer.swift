import EPPCore

/// Restores the client's model name in the answer to a request whose model was rewritten: in the member `model` of the JSON
/// answer or of each event (for events also in the Responses API's `response` and Anthropic's `message`), never in text.
///
/// Any string value is replaced, so no byte has to be held back for a comparison.
package struct ModelNameRestorer: Sendable {
  /// A replacement in one piece of the answer.
  package struct Edit: Equatable, Sendable {
    /// The bytes of the piece to replace.
    package var range: Range<Int>
    /// The new bytes; empty where a name continues from the piece before.
    package var replacement: [UInt8]
  }

  private let format: UsageScanner.Format
  private let replacement: [UInt8]
  private var lines = EventStreamScanner()
  private var members: MemberScanner
  private var isInsideName = false

  /// - Parameters:
  ///   - format: the format of the answer.
  ///   - model: the client's name for the model.
  package init(_ format: UsageScanner.Format, model: String) {
    self.format = format
    var text: [UInt8] = []
    text.appendJSONString(model)
    replacement = text
    members = MemberScanner(.model, looksInside: format == .eventStream)
  }

  /// The replacements in the next piece of the body, in ascending order, without overlaps. They change the size of a JSON
  /// answer, so that an announced `content-length` no longer holds.
  package mutating func edits(in bytes: RawSpan) -> [Edit] {
    var edits: [Edit] = []
    switch format {
    case .json:
      scan(bytes, 0..<bytes.byteCount, &edits)
    case .eventStream:
      var offset = 0
      while let part = lines.next(bytes, &offset, findsUsageKey: false) {
        if part.begins == .event || part.begins == .line && !members.goesOnInNextLine {
          members = MemberScanner(.model, looksInside: true)
        }
        scan(bytes, part.range, &edits)
        if part.ends { isInsideName = false }
      }
    }
    return edits
  }

  private mutating func scan(_ bytes: RawSpan, _ range: Range<Int>, _ edits: inout [Edit]) {
    var offset = range.lowerBound
    var start = range.lowerBound
    var name: [UInt8] = []
    while let event = members.next(bytes, &offset, range.upperBound) {
      switch event {
      case .began(let at):
        // Null and the like stay.
        isInsideName = ByteWord.byte(bytes, at) == UInt8(ascii: "\"")
        start = at
        name = replacement
      case .ended(let at):
        if isInsideName { edits.append(Edit(range: start..<at, replacement: name)) }
        isInsideName = false
      }
    }
    if isInsideName, start < range.upperBound { edits.append(Edit(range: start..<range.upperBound, replacement: name)) }
  }
}
