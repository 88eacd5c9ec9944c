import EPPExtProc

/// What the full decoder makes of a `ProcessingRequest`.
enum DecodedMessage {
  case message(ReceivedMessage)
  /// A body that is written in an unusual way; a copy of its bytes.
  case body(MessageDirection, payload: [UInt8], endOfStream: Bool)
}
