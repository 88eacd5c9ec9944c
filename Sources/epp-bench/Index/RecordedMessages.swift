import Glibc

/// A file of recorded messages, each behind its endpoint and its length in bytes (32 bits each, little endian), read in
/// chunks: memory does not grow with the file.
struct RecordedMessages: ~Copyable {
  /// A message: its bytes are those of `buffer` in this range, until the next one is read.
  struct Message {
    var endpoint: Int
    var range: Range<Int>
  }

  private(set) var buffer: [UInt8]
  private var unread = 0..<0
  private let descriptor: CInt
  private let name: String

  private static let headerBytes = 8
  private static let maximumBytes = 64 << 20

  init(file: String) throws {
    descriptor = unsafe open(file, O_RDONLY | O_CLOEXEC)
    name = file
    buffer = Array(repeating: 0, count: 1 << 20)
    guard descriptor >= 0 else { throw BenchError("cannot open \(file): \(Self.reason)") }
  }

  deinit { close(descriptor) }

  /// What the last system call failed with.
  private static var reason: String { unsafe String(cString: strerror(errno)) }

  /// The next message; nil at the end of the file.
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

  /// The number of 32 bits at a place of the buffer.
  func word(_ place: Int) -> Int {
    Int(unsafe buffer.span.bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt32.self))
  }

  /// Reads until so many bytes are there; whether there are.
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
