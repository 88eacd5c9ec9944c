import CZeroMQ

/// A message that was received: its frames, in the library's own memory. One is used for many messages, one after the
/// other.
@safe package struct Message: ~Copyable {
  /// Frames of a message that can be read. Those that come after them are counted and dropped.
  package static let maximumFrames = 6

  /// Initialized all the time, for the library must not find them moved; one more for what is dropped.
  let parts: UnsafeMutablePointer<zmq_msg_t>
  /// Frames of the message, those that were dropped among them; 0 before the first message.
  package private(set) var frameCount = 0

  /// A message without frames.
  package init() {
    unsafe parts = .allocate(capacity: Self.maximumFrames + 1)
    for index in 0...Self.maximumFrames {
      unsafe (parts + index).initialize(to: zmq_msg_t())
      _ = unsafe zmq_msg_init(parts + index)
    }
  }

  deinit {
    for index in 0...Self.maximumFrames { _ = unsafe zmq_msg_close(parts + index) }
    unsafe parts.deallocate()
  }

  mutating func setFrameCount(_ count: Int) { frameCount = count }

  /// Lends the bytes of a frame.
  ///
  /// - Parameter index: 0..<`frameCount`, and less than `maximumFrames`.
  package func withFrame<Result, Failure: Error>(
    _ index: Int, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(index >= 0 && index < min(frameCount, Self.maximumFrames), "the message has no frame \(index)")
    let part = unsafe parts + index
    let bytes = unsafe UnsafeRawBufferPointer(start: zmq_msg_data(part), count: zmq_msg_size(part))
    return try unsafe body(bytes.bytes)
  }
}
