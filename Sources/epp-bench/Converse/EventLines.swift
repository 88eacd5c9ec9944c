import NIOCore

/// Divides a stream of server-sent events into the texts after `data:`. Events have one line each, as engines send them.
struct EventLines {
  private var rest = ByteBuffer()
  private let limit: Int

  /// Makes an empty divider.
  ///
  /// - Parameter limit: Bytes of an incomplete line at most.
  init(limit: Int) { self.limit = limit }

  /// Adds bytes, and returns the events that they complete.
  ///
  /// - Throws: `BenchError` when a line exceeds the limit.
  mutating func append(_ chunk: ByteBuffer) throws -> [String] {
    rest.writeImmutableBuffer(chunk)
    var events: [String] = []
    while let end = rest.readableBytesView.firstIndex(of: 0x0A) {
      guard var line = rest.readString(length: end - rest.readerIndex) else { break }
      rest.moveReaderIndex(forwardBy: 1)
      if line.utf8.last == 0x0D { line = String(line.unicodeScalars.dropLast()) }
      guard line.hasPrefix("data:") else { continue }
      events.append(String(line.dropFirst(5).drop(while: { $0 == " " })))
    }
    guard rest.readableBytes <= limit else { throw BenchError("an event of more than \(limit) bytes") }
    rest.discardReadBytes()
    return events
  }
}
