import NIOCore

/// The header of an HTTP/2 frame, nine bytes (RFC 9113 section 4.1).
struct HTTP2FrameHeader {
  /// Frame types of RFC 9113 section 6.
  enum Kind: UInt8 {
    case data = 0
    case headers = 1
    case priority = 2
    case resetStream = 3
    case settings = 4
    case pushPromise = 5
    case ping = 6
    case goAway = 7
    case windowUpdate = 8
    case continuation = 9
  }

  /// Flags of a frame. `endStream` of DATA and HEADERS and `acknowledgement` of SETTINGS and PING are one bit.
  struct Flags: OptionSet {
    let rawValue: UInt8
    static let endStream = Flags(rawValue: 0x1)
    static let acknowledgement = Flags(rawValue: 0x1)
    static let endHeaders = Flags(rawValue: 0x4)
    static let padded = Flags(rawValue: 0x8)
    static let priority = Flags(rawValue: 0x20)
  }

  /// Bytes of a header.
  static let byteCount = 9

  /// Bytes of the payload.
  var length: Int
  /// The type; nil for an unknown type, which has to be skipped (section 4.1).
  var kind: Kind?
  /// The flags.
  var flags: Flags
  /// The stream id; 0 for the connection.
  var streamID: Int32

  /// Reads the header at the reader index without consuming it; nil when there are fewer than nine bytes.
  init?(peekingAt buffer: ByteBuffer) {
    let start = buffer.readerIndex
    guard let first = buffer.getInteger(at: start, as: UInt32.self),
      let flags = buffer.getInteger(at: start + 4, as: UInt8.self),
      let stream = buffer.getInteger(at: start + 5, as: UInt32.self)
    else { return nil }
    length = Int(first >> 8)
    kind = Kind(rawValue: UInt8(truncatingIfNeeded: first))
    self.flags = Flags(rawValue: flags)
    streamID = Int32(bitPattern: stream & 0x7FFF_FFFF)
  }
}

extension ByteBuffer {
  /// Appends a frame header; `length` is below 2^24.
  mutating func writeFrameHeader(
    _ kind: HTTP2FrameHeader.Kind, flags: HTTP2FrameHeader.Flags = [], streamID: Int32 = 0, length: Int
  ) {
    writeMultipleIntegers(
      UInt32(truncatingIfNeeded: length) << 8 | UInt32(kind.rawValue), flags.rawValue, UInt32(bitPattern: streamID))
  }

  /// Appends a WINDOW_UPDATE frame.
  mutating func writeWindowUpdate(streamID: Int32, increment: Int) {
    writeFrameHeader(.windowUpdate, streamID: streamID, length: 4)
    writeInteger(UInt32(truncatingIfNeeded: increment))
  }

  /// Appends a RST_STREAM frame.
  mutating func writeResetStream(streamID: Int32, code: UInt32) {
    writeFrameHeader(.resetStream, streamID: streamID, length: 4)
    writeInteger(code)
  }
}
