package import EPPCore

/// Reads token counts from an answer of vLLM's gRPC API, which comes in pieces of any size, in bounded memory.
package struct VLLMGRPCUsage: Sendable {
  /// The largest message that is read; larger ones, such as those of long answers that are not streamed, are passed over.
  static let maximumMessageBytes = 256 << 10

  /// The counts so far; nil when nothing was reported.
  package private(set) var usage: TokenUsage?
  /// Whether a message has arrived.
  package private(set) var hasMessage = false
  /// Whether a message has reported an error.
  package private(set) var hasError = false

  private let isEmbedding: Bool
  /// The bytes of a frame that is not whole yet.
  private var kept: [UInt8] = []
  /// Bytes of a message that are still to be passed over.
  private var skipping = 0
  private var streamedTokens = 0

  /// - Parameter isEmbedding: whether the answer's messages are `EmbedResponse`s.
  package init(isEmbedding: Bool) { self.isEmbedding = isEmbedding }

  /// Scans the next piece of the body.
  package mutating func feed(_ bytes: RawSpan) {
    var offset = 0
    while offset < bytes.byteCount {
      if skipping > 0 {
        let count = min(skipping, bytes.byteCount - offset)
        skipping -= count
        offset += count
      } else if kept.isEmpty, let whole = Self.frame(bytes, offset) {
        offset = whole.upperBound
        read(bytes, whole.lowerBound + GRPCMessage.prefixBytes..<whole.upperBound)
      } else {
        keep(bytes, &offset)
      }
    }
  }

  /// The range of the frame at a place; nil when it is not whole, or not to be read.
  private static func frame(_ bytes: RawSpan, _ offset: Int) -> Range<Int>? {
    guard bytes.byteCount - offset >= GRPCMessage.prefixBytes else { return nil }
    let (length, isCompressed) = GRPCMessage.length(bytes, at: offset)
    guard !isCompressed, length <= min(maximumMessageBytes, bytes.byteCount - offset - GRPCMessage.prefixBytes) else {
      return nil
    }
    return offset..<offset + GRPCMessage.prefixBytes + length
  }

  /// Adds bytes to the frame that is not whole, and reads it once it is.
  private mutating func keep(_ bytes: RawSpan, _ offset: inout Int) {
    func take(upTo size: Int) {
      let count = max(0, min(size - kept.count, bytes.byteCount - offset))
      unsafe bytes.extracting(offset..<offset + count).withUnsafeBytes { unsafe kept.append(contentsOf: $0) }
      offset += count
    }
    take(upTo: GRPCMessage.prefixBytes)
    guard kept.count >= GRPCMessage.prefixBytes else { return }
    let (length, isCompressed) = unsafe GRPCMessage.length(kept.span.bytes, at: 0)
    if isCompressed || length > Self.maximumMessageBytes {
      hasMessage = true
      skipping = length
      kept.removeAll()
      return
    }
    take(upTo: GRPCMessage.prefixBytes + length)
    guard kept.count == GRPCMessage.prefixBytes + length else { return }
    let frame = kept
    kept.removeAll(keepingCapacity: true)
    unsafe read(frame.span.bytes, GRPCMessage.prefixBytes..<frame.count)
  }

  // MARK: - Messages

  /// Reads a `GenerateResponse` or `EmbedResponse`.
  private mutating func read(_ bytes: RawSpan, _ message: Range<Int>) {
    hasMessage = true
    var reader = ProtobufReader(message)
    while let field = reader.next(bytes) {
      guard case .bytes(let range) = field.value else { continue }
      switch field.number {
      case 2 where isEmbedding: read(bytes, range, Fields(prompt: 2))
      case 2: read(bytes, range, Fields(tokens: 1, prompt: 2, cached: 4))
      case 3 where isEmbedding, 4: hasError = true
      case 3: read(bytes, range, Fields(prompt: 3, completion: 4, cached: 5))
      default: break
      }
    }
  }

  /// The numbers of a message's fields.
  private struct Fields {
    /// A list of the tokens that the message brings. They are counted: versions differ in whether the number in a
    /// `GenerateStreamChunk` is of the chunk or of all.
    var tokens: Int?
    var prompt: Int
    var completion: Int?
    var cached: Int?
  }

  /// Reads counts; one that is not written is 0.
  private mutating func read(_ bytes: RawSpan, _ range: Range<Int>, _ fields: Fields) {
    var found = TokenUsage(
      promptTokens: 0, completionTokens: fields.completion.map { _ in 0 }, cachedTokens: fields.cached.map { _ in 0 })
    var tokens = 0
    var reader = ProtobufReader(range)
    while let field = reader.next(bytes) {
      switch field.value {
      case .number where field.number == fields.tokens: tokens += 1
      case .bytes(let list) where field.number == fields.tokens:
        var ids = ProtobufReader(list)
        while ids.nextPacked(bytes) != nil { tokens += 1 }
      case .number(let value):
        guard let count = Int(exactly: value) else { continue }
        if field.number == fields.prompt { found.promptTokens = count }
        if field.number == fields.completion { found.completionTokens = count }
        if field.number == fields.cached { found.cachedTokens = count }
      case .bytes, .fixed: break
      }
    }
    guard !reader.isBroken else { return }
    streamedTokens += tokens
    if streamedTokens > 0 || fields.tokens != nil { found.completionTokens = streamedTokens }
    usage = found
  }
}
