package import NIOCore

/// Cuts a stream of bytes that comes in pieces into lines of a bounded length.
///
/// Bytes are looked at once, however small the pieces. A line end is `\n`; a last line without one is no line.
package struct LineSplitter: Sendable {
  /// The line is longer than allowed.
  package struct TooLong: Error, Equatable, Sendable {
    /// Bytes that a line may have.
    package var limit: Int
  }

  private let limit: Int
  private var pending = ByteBuffer()
  /// Bytes at the start of `pending` that hold no line end.
  private var scanned = 0

  /// - Parameter limit: bytes that a line may have, without its line end.
  package init(limit: Int) { self.limit = limit }

  /// Takes the next piece of the stream.
  package mutating func append(_ piece: ByteBuffer) {
    var piece = piece
    if pending.readableBytes == 0 {
      pending = piece
    } else {
      pending.discardReadBytes()
      pending.writeBuffer(&piece)
    }
  }

  /// The next line, without its line end; nil when more bytes are needed. Throws as soon as a line is known to be too long.
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
