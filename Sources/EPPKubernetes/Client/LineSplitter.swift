package import NIOCore

/// Splits a stream of bytes that arrives in pieces into lines of limited length.
///
/// Each byte is examined once, however small the pieces are. A line ends with `\n`; a last line without `\n` is not returned.
package struct LineSplitter: Sendable {
  /// A line exceeds the limit.
  package struct TooLong: Error, Equatable, Sendable {
    /// Largest line in bytes, without its line end.
    package var limit: Int
  }

  private let limit: Int
  private var pending = ByteBuffer()
  /// Number of bytes at the start of `pending` that contain no line end.
  private var scanned = 0

  /// Creates a splitter.
  ///
  /// - Parameter limit: Largest line in bytes, without its line end.
  package init(limit: Int) { self.limit = limit }

  /// Appends the next piece of the stream.
  package mutating func append(_ piece: ByteBuffer) {
    var piece = piece
    if pending.readableBytes == 0 {
      pending = piece
    } else {
      pending.discardReadBytes()
      pending.writeBuffer(&piece)
    }
  }

  /// Returns the next line without its line end; nil when more bytes are needed.
  ///
  /// - Throws: `TooLong` as soon as a line is known to exceed the limit.
  package mutating func next() throws(TooLong) -> ByteBuffer? {
    let unseen = pending.readableBytesView.dropFirst(scanned)
    guard let end = unseen.firstIndex(of: UInt8(ascii: "\n")) else {
      scanned = pending.readableBytes
      guard scanned <= limit else { throw TooLong(limit: limit) }
      return nil
    }
    let length = end - pending.readerIndex
    guard length <= limit else { throw TooLong(limit: limit) }
    let line = pending.readSlice(length: length)
    pending.moveReaderIndex(forwardBy: 1)
    scanned = 0
    return line
  }
}
