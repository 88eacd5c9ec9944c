/// Identifies a message of a publisher.
package struct KVMessageID: Hashable, Sendable {
  /// The publisher's sequence number; it starts from 0 with each process.
  package var number: UInt64
  /// A hash of the message's size and first bytes, which contain its time of creation with nearly nanosecond resolution. It
  /// distinguishes messages of different processes with equal numbers.
  package var mark: UInt64

  package init(number: UInt64, mark: UInt64) {
    self.number = number
    self.mark = mark
  }

  /// - Parameters:
  ///   - number: the sequence number.
  ///   - payload: the message: `[time, [event...], rank]` in MessagePack, with the time in bytes 2 to 9.
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
