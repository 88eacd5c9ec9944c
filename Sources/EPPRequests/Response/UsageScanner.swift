package import EPPCore

/// Reads token counts from an answer that is streamed in pieces of any size, in bounded memory.
package struct UsageScanner: Sendable {
  /// The format of an answer.
  package enum Format: Sendable {
    case json
    /// `text/event-stream`.
    case eventStream
  }

  /// The largest usage object that is read, in bytes; vLLM's largest has 400. Larger ones are ignored, however they are cut.
  static let maximumObjectBytes = 4096

  /// The counts reported so far; later counts replace earlier ones, field by field (Anthropic's events report the prompt first
  /// and the answer last). Nil when nothing was reported, as in errors.
  package private(set) var usage: TokenUsage?
  /// Whether a token has arrived: the first event with data, or the first byte of a JSON answer, which is sent when all is
  /// computed.
  package private(set) var hasFirstToken = false

  /// Whether an event has reported an error (`{"error": ...}`, `{"object": "error"}`, `{"type": "error"}`).
  package private(set) var hasError = false

  private let format: Format
  private var lines = EventStreamScanner()
  private var members: MemberScanner
  private var isCapturing = false
  private var isTooLong = false
  private var captured: [UInt8] = []
  /// A line without a usage key, kept in case its event continues with another line.
  private var skipped: [UInt8] = []
  /// The beginning of an event that may be an error; nil for other events.
  private var head: [UInt8]?
  private static let maximumHeadBytes = 64

  /// A scanner for one answer.
  package init(_ format: Format) {
    self.format = format
    members = MemberScanner(.usage, looksInside: format == .eventStream)
  }

  /// Scans the next piece of the body.
  package mutating func feed(_ bytes: RawSpan) {
    switch format {
    case .json:
      guard bytes.byteCount > 0 else { return }
      hasFirstToken = true
      scan(bytes, 0..<bytes.byteCount)
    case .eventStream:
      var offset = 0
      while let part = lines.next(bytes, &offset, findsUsageKey: true) { data(bytes, part) }
    }
  }

  private mutating func data(_ bytes: RawSpan, _ part: EventStreamScanner.Part) {
    let range = part.range
    switch part.begins {
    case .event:
      beginEvent(bytes, range)
    case .line:
      scanSkipped()
      // A line that ended in the middle of a string was broken.
      if !members.goesOnInNextLine { beginEvent(bytes, range) }
    case .nothing:
      break
    }
    if head != nil { lookForError(bytes, range, ends: part.ends) }
    // Nearly all events end here.
    if !part.hasUsageKey, part.begins == .event, part.ends, range.count <= Self.maximumObjectBytes {
      if !Self.eventEnds(bytes, at: range.upperBound) {
        unsafe bytes.extracting(range).withUnsafeBytes { unsafe skipped.append(contentsOf: $0) }
      }
      return
    }
    scanSkipped()
    scan(bytes, range)
  }

  /// Whether the line that ends at `end` is followed by an empty one in the same piece, which ends the event. False where that
  /// is not known yet, or the lines end with a carriage return.
  private static func eventEnds(_ bytes: RawSpan, at end: Int) -> Bool {
    end + 1 < bytes.byteCount && ByteWord.byte(bytes, end) == 0x0A && ByteWord.byte(bytes, end + 1) == 0x0A
  }

  private mutating func beginEvent(_ bytes: RawSpan, _ range: Range<Int>) {
    hasFirstToken = true
    skipped.removeAll(keepingCapacity: true)
    head = ErrorEvent.mayBegin(bytes, range) ? [] : nil
    members = MemberScanner(.usage, looksInside: true)
    isCapturing = false
  }

  private mutating func scanSkipped() {
    guard !skipped.isEmpty else { return }
    let line = skipped
    skipped.removeAll(keepingCapacity: true)
    unsafe scan(line.span.bytes, 0..<line.count)
  }

  /// Collects the beginning of an event until it is known whether it is an error.
  private mutating func lookForError(_ bytes: RawSpan, _ range: Range<Int>, ends: Bool) {
    guard var head else { return }
    let end = min(range.upperBound, range.lowerBound + Self.maximumHeadBytes - head.count)
    unsafe bytes.extracting(range.lowerBound..<end).withUnsafeBytes { unsafe head.append(contentsOf: $0) }
    guard ends || head.count == Self.maximumHeadBytes else {
      self.head = head
      return
    }
    self.head = nil
    if unsafe ErrorEvent.isError(head.span.bytes) { hasError = true }
  }

  private mutating func scan(_ bytes: RawSpan, _ range: Range<Int>) {
    var offset = range.lowerBound
    var start = range.lowerBound
    while let event = members.next(bytes, &offset, range.upperBound) {
      switch event {
      case .began(let at):
        captured.removeAll(keepingCapacity: true)
        isTooLong = false
        isCapturing = true
        start = at
      case .ended(let at):
        if isCapturing { read(bytes.extracting(start..<at)) }
        isCapturing = false
      }
    }
    if isCapturing { keep(bytes.extracting(start..<range.upperBound)) }
  }

  private mutating func keep(_ piece: RawSpan) {
    guard !isTooLong, captured.count + piece.byteCount <= Self.maximumObjectBytes else {
      isTooLong = true
      return
    }
    unsafe piece.withUnsafeBytes { unsafe captured.append(contentsOf: $0) }
  }

  /// Reads the usage object that ends with `piece`.
  private mutating func read(_ piece: RawSpan) {
    let isWhole = captured.isEmpty && !isTooLong
    if isWhole {
      if piece.byteCount <= Self.maximumObjectBytes, let found = UsageObject.read(piece) { merge(found) }
      return
    }
    keep(piece)
    if !isTooLong, let found = unsafe UsageObject.read(captured.span.bytes) { merge(found) }
  }

  private mutating func merge(_ found: TokenUsage) {
    var merged = usage ?? TokenUsage()
    merged.promptTokens = found.promptTokens ?? merged.promptTokens
    merged.completionTokens = found.completionTokens ?? merged.completionTokens
    merged.cachedTokens = found.cachedTokens ?? merged.cachedTokens
    usage = merged
  }
}
