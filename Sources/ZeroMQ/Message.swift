import CZeroMQ

/// A received message: its frames, in the library's own memory. One value is reused for many messages.
@safe package struct Message: ~Copyable {
  /// The largest number of frames that can be read. Further frames of a message are counted and dropped.
  package static let maximumFrames = 6

  /// The frames; always initialized, as the library requires, at a fixed address. One more than `maximumFrames`, for frames
  /// that are dropped.
  let parts: UnsafeMutablePointer<zmq_msg_t>
  /// Frames of the message, dropped ones included; 0 before the first message.
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

  /// Calls `body` with the bytes of a frame.
  ///
  /// - Parameters:
  ///   - index: 0..<`frameCount`, and less than `maximumFrames`.
  ///   - body: must not keep the bytes.
  package func withFrame<Result, Failure: Error>(
    _ index: Int, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(index >= 0 && index < min(frameCount, Self.maximumFrames), "the message has no frame \(index)")
    let part = unsafe parts + index
    let bytes = unsafe UnsafeRawBufferPointer(start: zmq_msg_data(part), count: zmq_msg_size(part))
    return try unsafe body(bytes.bytes)
  }
}
