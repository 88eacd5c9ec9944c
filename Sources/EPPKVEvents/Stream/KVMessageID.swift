/// Which message of a publisher it is.
package struct KVMessageID: Hashable, Sendable {
  /// The publisher's count: from 0 with each start of its process.
  package var number: UInt64
  /// Tells a message from one with the same number of another process: its first bytes, which hold the time at which it
  /// was made in nanoseconds or so.
  package var mark: UInt64

  package init(number: UInt64, mark: UInt64) {
    self.number = number
    self.mark = mark
  }

  /// - Parameter payload: the message: `[time, [event...], rank]` in MessagePack, where the time takes bytes 2 to 9.
  package init(number: UInt64, payload: RawSpan) {
    var mark = UInt64(payload.byteCount)
    for offset in stride(from: 0, to: min(payload.byteCount, 64) & ~7, by: 8) {
      let word = unsafe payload.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
      mark = (mark ^ word) &* 0x9E37_79B9_7F4A_7C15
      mark ^= mark >> 29
    }
    self.init(number: number, mark: mark)
  }
}
