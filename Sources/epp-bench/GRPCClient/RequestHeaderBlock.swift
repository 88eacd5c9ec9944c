import NIOCore
import NIOHPACK

/// The HPACK blocks of a connection whose calls all have equal headers, like Envoy's.
///
/// The first block inserts the headers into the server's table. All later blocks are equal lists of table indexes, because
/// nothing else is inserted.
struct RequestHeaderBlock {
  private let first: ByteBuffer
  private let later: ByteBuffer
  private var isFirst = true

  init(path: String, authority: String) {
    let headers: HPACKHeaders = [
      ":method": "POST", ":scheme": "http", ":path": path, ":authority": authority, "te": "trailers",
      "content-type": "application/grpc", "x-envoy-internal": "true", "x-forwarded-for": "127.0.0.1",
    ]
    var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
    var blocks = [ByteBuffer(), ByteBuffer()]
    for index in blocks.indices {
      // Encoding fails only when a table of zero bytes has been demanded, which nobody does before the first SETTINGS.
      try? encoder.encode(headers: headers, to: &blocks[index])
    }
    (first, later) = (blocks[0], blocks[1])
  }

  /// Returns the block of the next call.
  mutating func next() -> ByteBuffer {
    defer { isFirst = false }
    return isFirst ? first : later
  }
}
