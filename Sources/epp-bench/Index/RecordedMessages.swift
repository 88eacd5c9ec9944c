import Glibc

/// Reads a file of recorded messages in chunks, so that memory does not grow with the file. Before each message are its
/// endpoint and its length in bytes, 32 bits each, little endian.
struct RecordedMessages: ~Copyable {
  /// A message.
  struct Message {
    /// Index of the endpoint.
    var endpoint: Int
    /// Range of the message in `buffer`, valid until the next message is read.
    var range: Range<Int>
  }

  /// The bytes that were read.
  private(set) var buffer: [UInt8]
  private var unread = 0..<0
  private let descriptor: CInt
  private let name: String

  private static let headerBytes = 8
  private static let maximumBytes = 64 << 20

  /// Opens a file.
  ///
  /// - Throws: `BenchError` when it cannot be opened.
  init(file: String) throws {
    descriptor = unsafe open(file, O_RDONLY | O_CLOEXEC)
    name = file
    buffer = Array(repeating: 0, count: 1 << 20)
    guard descriptor >= 0 else { throw BenchError("cannot open \(file): \(Self.reason)") }
  }

  deinit { close(descriptor) }

  /// The operating system's message for the call that has just failed.
  private static var reason: String { unsafe String(cString: strerror(errno)) }

  /// Reads the next message; nil at the end of the file.
  ///
  /// - Throws: `BenchError` when the file cannot be read, or has another format.
  mutating func next() throws -> Message? {
    guard try fill(Self.headerBytes) else {
      guard unread.isEmpty else { throw BenchError("\(name) ends within a message") }
      return nil
    }
    let (endpoint, length) = (word(unread.lowerBound), word(unread.lowerBound + 4))
    guard length <= Self.maximumBytes else { throw BenchError("\(name) holds no recorded messages") }
    guard try fill(Self.headerBytes + length) else { throw BenchError("\(name) ends within a message") }
    let begin = unread.lowerBound + Self.headerBytes
    unread = (begin + length)..<unread.upperBound
    return Message(endpoint: endpoint, range: begin..<(begin + length))
  }

  /// Returns the 32-bit number at an offset of the buffer.
  func word(_ place: Int) -> Int {
    Int(unsafe buffer.span.bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt32.self))
  }

  /// Reads until at least `count` bytes are unread. Returns false when the file ends before.
  private mutating func fill(_ count: Int) throws -> Bool {
    while unread.count < count {
      if unread.lowerBound > 0 {
        // What is left of a message moves to the front.
        buffer.replaceSubrange(0..<unread.count, with: Array(buffer[unread]))
        unread = 0..<unread.count
      }
      if buffer.count < count { buffer.append(contentsOf: repeatElement(0, count: count - buffer.count)) }
      let room = buffer.count - unread.upperBound
      let place = unread.upperBound
      let received = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe read(descriptor, bytes.baseAddress.map { unsafe $0 + place }, room)
      }
      // A signal came first: nothing is wrong with the file.
      if received < 0, errno == EINTR { continue }
      guard received >= 0 else { throw BenchError("cannot read \(name): \(Self.reason)") }
      if received == 0 { return false }
      unread = unread.lowerBound..<(unread.upperBound + received)
    }
    return true
  }
}
