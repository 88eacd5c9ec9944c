import EPPRequests
import NIOCore

/// Finds out whether a decode engine holds less of a prompt than its request asks for: the answer's only choice ends for the reason
/// `cache_threshold` then, before a token of it. Keeps the answer until that is known.
struct CacheThresholdScan {
  private enum Format {
    case json
    case eventStream
  }

  /// What one event, or a whole answer, says.
  private enum Finding {
    case below
    case goesOn
    /// The event has neither a token nor an end, such as the first one of a chat.
    case nothing
  }

  private static let reason = "cache_threshold"
  /// The longest beginning of a stream that is kept. A first event has some hundred bytes.
  private static let maximumStreamBytes = 256 << 10
  /// The longest answer that is kept whole. One that ends before its first token has some hundred bytes.
  private static let maximumAnswerBytes = 8 << 20

  private let format: Format
  /// What has arrived.
  private(set) var kept = ByteBuffer()
  /// The bytes of `kept` whose lines have been looked at.
  private var looked = 0

  init(isEventStream: Bool) { format = isEventStream ? .eventStream : .json }

  /// Takes a piece of the answer: true when the engine holds too little, false when it does not, nil while that is not known.
  mutating func feed(_ bytes: ByteBuffer) -> Bool? {
    var bytes = bytes
    kept.writeBuffer(&bytes)
    guard format == .eventStream else { return kept.readableBytes > Self.maximumAnswerBytes ? false : nil }
    while let end = kept.readableBytesView.dropFirst(looked).firstIndex(of: 0x0A) {
      let line = kept.readableBytesView[(kept.readerIndex + looked)..<end]
      looked = end + 1 - kept.readerIndex
      switch finding(line) {
      case .below: return true
      case .goesOn: return false
      case .nothing: continue
      }
    }
    return kept.readableBytes > Self.maximumStreamBytes ? false : nil
  }

  /// The same, where the answer is complete.
  func finish() -> Bool {
    guard format == .json else { return false }
    return Self.finding(kept) == .below
  }

  private func finding(_ line: ByteBufferView) -> Finding {
    guard line.starts(with: Array("data:".utf8)) else { return .nothing }
    let data = line.dropFirst(5)
    guard data.contains(0x7B) else { return .goesOn }
    return Self.finding(ByteBuffer(bytes: data))
  }

  private static func finding(_ bytes: ByteBuffer) -> Finding {
    let body = bytes.readableBytesSpan
    guard let object = try? JSONObjectEdit(body), let choices = object.value("choices"),
      let range = try? firstElement(body, choices), let choice = try? JSONObjectEdit(body, in: range)
    else { return .goesOn }
    if let reason = choice.value("finish_reason"), let text = try? string(body, reason) {
      return text == Self.reason ? .below : .goesOn
    }
    guard let delta = choice.value("delta"), let message = try? JSONObjectEdit(body, in: delta) else { return .goesOn }
    // Without any text and any call it is the event that names the role.
    guard let content = message.value("content") else {
      return message.contains("tool_calls") || message.contains("reasoning_content") || message.contains("reasoning")
        ? .goesOn : .nothing
    }
    return (try? string(body, content))?.isEmpty ?? true ? .nothing : .goesOn
  }

  private static func firstElement(_ body: RawSpan, _ array: Range<Int>) throws(JSONError) -> Range<Int>? {
    var cursor = JSONCursor(array)
    try cursor.open(body, .array)
    var isFirst = true
    guard try cursor.nextElement(body, isFirst: &isFirst) else { return nil }
    return try cursor.skipValue(body)
  }

  /// The text of a value; nil when it is none.
  private static func string(_ body: RawSpan, _ range: Range<Int>) throws(JSONError) -> String? {
    var cursor = JSONCursor(range)
    guard try cursor.peek(body) == .string else { return nil }
    return try cursor.readString(body).string(in: body)
  }
}
