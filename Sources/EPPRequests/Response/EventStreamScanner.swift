/// Splits an event stream (`text/event-stream`) into the data of its `data:` lines, however the stream is cut into pieces.
/// Nothing is buffered: data that is cut is returned in parts.
///
/// Data on several lines of one event is returned as several lines; nearly all events of engines have one.
struct EventStreamScanner: Sendable {
  /// A part of a line's data. The line `data: [DONE]` yields none.
  struct Part {
    /// The byte range of the part.
    var range: Range<Int>
    /// What begins with this part.
    var begins: Beginning
    /// Whether the line ends with this part.
    var ends: Bool
    /// Whether the part contains a whole `"usage"`; false when the caller did not ask for it.
    var hasUsageKey = false
  }

  /// What begins with a part.
  enum Beginning {
    /// The first line of an event.
    case event
    /// A further line of an event. Streams without empty lines between events yield these too.
    case line
    /// The part continues a line.
    case nothing
  }

  private enum Phase {
    /// The matched letters of `data:`.
    case name(Int)
    /// After the colon.
    case start
    /// The matched letters of `[DONE]`.
    case marker(Int)
    case data
    /// The rest of an ignored line.
    case rest
  }

  private static let name = StaticString("data:")
  private static let marker = StaticString("[DONE]")

  private var phase = Phase.name(0)
  /// Whether the event has data already.
  private var hasData = false
  /// Whether the last byte was a carriage return, after which a line feed ends no further line.
  private var endsWithReturn = false

  /// Advances `offset` to the next part; nil when there is none left in these bytes.
  ///
  /// - Parameter findsUsageKey: whether to look for `"usage"` up to the end of the line.
  mutating func next(_ bytes: RawSpan, _ offset: inout Int, findsUsageKey: Bool) -> Part? {
    while offset < bytes.byteCount {
      let byte = ByteWord.byte(bytes, offset)
      let isLineEnd = byte == 0x0A || byte == 0x0D
      switch phase {
      case .name(let count):
        if isLineEnd {
          // An empty line ends the event.
          if count == 0, !(byte == 0x0A && endsWithReturn) { hasData = false }
          endsWithReturn = byte == 0x0D
          phase = .name(0)
          offset += 1
        } else if byte == Self.letter(Self.name, count) {
          phase = count == 4 ? .start : .name(count + 1)
          offset += 1
        } else {
          phase = .rest
        }
      case .start:
        switch byte {
        case 0x20: offset += 1
        case UInt8(ascii: "["):
          offset += 1
          phase = .marker(1)
        default:
          if !isLineEnd { return data(bytes, &offset, hasData ? .line : .event, findsUsageKey) }
          endsWithReturn = byte == 0x0D
          offset += 1
          phase = .name(0)
        }
      case .marker(let count):
        guard byte == Self.letter(Self.marker, count) else {
          // An array is no event of any API, but it is an event.
          phase = .rest
          defer { hasData = true }
          return Part(range: offset..<offset, begins: hasData ? .line : .event, ends: true)
        }
        offset += 1
        phase = count == 5 ? .rest : .marker(count + 1)
      case .data:
        return data(bytes, &offset, .nothing, findsUsageKey)
      case .rest:
        offset = ByteWord.firstLineEnd(bytes, offset, bytes.byteCount)
        if offset < bytes.byteCount { endLine(bytes, &offset) }
      }
    }
    return nil
  }

  private mutating func data(
    _ bytes: RawSpan, _ offset: inout Int, _ begins: Beginning, _ findsUsageKey: Bool
  ) -> Part {
    let start = offset
    var hasUsageKey = false
    offset =
      findsUsageKey
      ? ByteWord.firstLineEnd(bytes, offset, bytes.byteCount, &hasUsageKey)
      : ByteWord.firstLineEnd(bytes, offset, bytes.byteCount)
    let end = offset
    hasData = true
    phase = .data
    let ends = end < bytes.byteCount
    if ends { endLine(bytes, &offset) }
    return Part(range: start..<end, begins: begins, ends: ends, hasUsageKey: hasUsageKey)
  }

  /// Skips the end of a line.
  private mutating func endLine(_ bytes: RawSpan, _ offset: inout Int) {
    endsWithReturn = ByteWord.byte(bytes, offset) == 0x0D
    offset += 1
    phase = .name(0)
  }

  @inline(__always)
  private static func letter(_ word: StaticString, _ index: Int) -> UInt8 { unsafe word.utf8Start[index] }
}
