import CZeroMQ

extension Socket {
  /// Sends a message of one frame or more, without waiting.
  ///
  /// - Returns: false when its queue is full, or when there is no peer.
  package func send(_ frames: [[UInt8]]) -> Bool {
    for (index, frame) in frames.enumerated() {
      let more = index + 1 < frames.count ? ZMQ_SNDMORE : 0
      while unsafe zmq_send(pointer, frame, frame.count, more | ZMQ_DONTWAIT) < 0 {
        // The library takes a message whole: only the first frame can be refused.
        guard zmq_errno() == EINTR else { return false }
      }
    }
    return true
  }

  /// Replaces `message` with the next received one, without waiting and without a copy.
  ///
  /// A socket that the poller has reported must be read until it has no message: the poller reports it once for all messages
  /// that are waiting.
  ///
  /// - Returns: false when there is none; the message is then unchanged.
  package func receive(into message: inout Message) -> Bool {
    guard unsafe receive(message.parts) else { return false }
    var count = 1
    var last = unsafe message.parts
    while unsafe zmq_msg_more(last) != 0 {
      // Frames beyond those that are kept take the place of the last one in turn.
      unsafe last = message.parts + min(count, Message.maximumFrames)
      // A message comes whole: there is a frame where one is announced.
      guard unsafe receive(last) else { break }
      count += 1
    }
    message.setFrameCount(count)
    return true
  }

  private func receive(_ part: UnsafeMutablePointer<zmq_msg_t>) -> Bool {
    while unsafe zmq_msg_recv(part, pointer, ZMQ_DONTWAIT) < 0 {
      guard zmq_errno() == EINTR else { return false }
    }
    return true
  }

  /// Returns a copy of the next message, without waiting; nil when there is none.
  package func receive() -> [[UInt8]]? {
    var frames: [[UInt8]] = []
    while true {
      var message = zmq_msg_t()
      _ = unsafe zmq_msg_init(&message)
      defer { _ = unsafe zmq_msg_close(&message) }
      while unsafe zmq_msg_recv(&message, pointer, ZMQ_DONTWAIT) < 0 {
        guard zmq_errno() == EINTR else { return nil }
      }
      let bytes = unsafe UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))
      unsafe frames.append(Array(bytes))
      if unsafe zmq_msg_more(&message) == 0 { return frames }
    }
  }
}
