/// Cuts an event stream (`text/event-stream`) into the data of its `data:` lines, in any cutting of the stream. Nothing
/// is kept between pieces: what is cut is given on in parts.
///
/// Data that is spread over several lines of one event comes as several lines; the answers of engines have one line
/// each.
struct EventStreamScanner: Sendable {
  enum Event: Equatable {
    /// A part of a line's data: where it is, whether the line's data begins and ends with it.
    case data(Range<Int>, begins: Bool, ends: Bool)
    /// The line `data: [DONE]`.
    case done
  }

  private enum Phase {
    /// So many letters of `data:` have passed.
    case name(Int)
    /// Behind the colon.
    case start
    /// So many letters of `[DONE]` have passed.
    case marker(Int)
    case data
    /// What is left of a line that is not of interest.
    case rest
  }

  private static let name = StaticString("data:")
  private static let marker = StaticString("[DONE]")

  private var phase = Phase.name(0)

  /// Moves on to the next event from `offset` on; nil when there is none left in these bytes.
  mutating func next(_ bytes: RawSpan, _ offset: inout Int) -> Event? {
    while offset < bytes.byteCount {
      let byte = ByteWord.byte(bytes, offset)
      let isLineEnd = byte == 0x0A || byte == 0x0D
      switch phase {
      case .name(let count):
        if isLineEnd {
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
          if !isLineEnd { return data(bytes, &offset, begins: true) }
          offset += 1
          phase = .name(0)
        }
      case .marker(let count):
        guard byte == Self.letter(Self.marker, count) else {
          // An array is no event of any API, but it is an event.
          phase = .rest
          return .data(offset..<offset, begins: true, ends: true)
        }
        offset += 1
        phase = count == 5 ? .rest : .marker(count + 1)
        if count == 5 { return .done }
      case .data:
        return data(bytes, &offset, begins: false)
      case .rest:
        offset = ByteWord.firstLineEnd(bytes, offset, bytes.byteCount)
        if offset < bytes.byteCount { phase = .name(0) }
      }
    }
    return nil
  }

  private mutating func data(_ bytes: RawSpan, _ offset: inout Int, begins: Bool) -> Event {
    let start = offset
    let end = ByteWord.firstLineEnd(bytes, offset, bytes.byteCount)
    let ends = end < bytes.byteCount
    offset = ends ? end + 1 : end
    phase = ends ? .name(0) : .data
    return .data(start..<end, begins: begins, ends: ends)
  }

  @inline(__always)
  private static func letter(_ word: StaticString, _ index: Int) -> UInt8 { unsafe word.utf8Start[index] }
}
