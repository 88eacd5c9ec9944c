import EPPRequests
import NIOCore

/// Edits the events of an event stream that report usage, and leaves all others byte for byte. Complete lines pass at once; of a line that
/// is cut the beginning waits for its end.
struct EventStreamEdit {
  private let edit: CachedTokensEdit
  private var line = ByteBuffer()
  private var isOff = false

  /// The longest line that is edited, in bytes. Engines' longest events with usage carry a whole answer.
  private static let maximumLineBytes = 8 << 20
  private static let field = Array("data:".utf8)

  init(_ edit: CachedTokensEdit) { self.edit = edit }

  /// What of the stream can be sent on.
  mutating func feed(_ bytes: ByteBuffer) -> ByteBuffer {
    if isOff { return bytes }
    var bytes = bytes
    if line.readableBytes > 0 {
      line.writeBuffer(&bytes)
      swap(&bytes, &line)
      line = ByteBuffer()
    }
    let view = bytes.readableBytesView
    guard let last = view.lastIndex(of: 0x0A) else {
      guard bytes.readableBytes <= Self.maximumLineBytes else {
        isOff = true
        return bytes
      }
      line = bytes
      return ByteBuffer()
    }
    let whole = last + 1 - bytes.readerIndex
    guard var lines = bytes.readSlice(length: whole) else { return bytes }
    line = bytes
    return Self.mentionsUsage(lines) ? edited(&lines) : lines
  }

  /// What is left at the end of the stream.
  mutating func finish() -> ByteBuffer {
    defer { line = ByteBuffer() }
    return Self.mentionsUsage(line) ? edited(&line) : line
  }

  private func edited(_ lines: inout ByteBuffer) -> ByteBuffer {
    var output = ByteBuffer()
    output.reserveCapacity(lines.readableBytes + 64)
    while lines.readableBytes > 0 {
      let end = lines.readableBytesView.firstIndex(of: 0x0A).map { $0 + 1 - lines.readerIndex } ?? lines.readableBytes
      guard var one = lines.readSlice(length: end) else { break }
      append(&one, to: &output)
    }
    return output
  }

  /// Appends a line, whose data is edited where it reports usage.
  private func append(_ line: inout ByteBuffer, to output: inout ByteBuffer) {
    let view = line.readableBytesView
    guard view.starts(with: Self.field), let brace = view.firstIndex(of: 0x7B),
      let end = view.lastIndex(of: 0x7D), brace < end,
      let data = line.getSlice(at: brace, length: end + 1 - brace),
      let edited = edit.edited(data.readableBytesSpan)
    else {
      output.writeBuffer(&line)
      return
    }
    output.writeBytes(view[..<brace])
    output.writeBytes(edited)
    output.writeBytes(view[(end + 1)...])
  }

  private static let usage = Array("\"usage\"".utf8)

  private static func mentionsUsage(_ bytes: ByteBuffer) -> Bool {
    let view = bytes.readableBytesView
    var rest = view[...]
    while let quote = rest.firstIndex(of: 0x22) {
      rest = rest[quote...]
      if rest.starts(with: usage) { return true }
      rest = rest.dropFirst()
    }
    return false
  }
}
