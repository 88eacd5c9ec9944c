/// Parses HTTP/1.1 responses to GET requests, one after the other, from bytes that come in chunks: RFC 9112, strict and with
/// bounded sizes.
///
/// Bodies are not copied: `next` returns the range of a chunk that belongs to the body. One value serves one connection, and is
/// not for use by several threads at once.
package struct HTTPResponseParser: Sendable {
  /// Bytes at most of a head, of a chunk-size line, and of trailers.
  package static let largestHead = 16 * 1024
  /// Bytes at most of a body, without chunk framing.
  package static let largestBody = 8 * 1024 * 1024

  /// A part of a response that `next` has recognised.
  package enum Event: Equatable, Sendable {
    /// All bytes are used; the next part needs more.
    case needsBytes
    /// The head is complete.
    case head(status: Int)
    /// A range of the bytes belongs to the body.
    case body(Range<Int>)
    /// The response is complete. `isReusable` is true when the connection can carry another response.
    case end(isReusable: Bool)
  }

  private enum State {
    case statusLine
    case headers
    case fixed(remaining: Int)
    case chunkSize
    case chunk(remaining: Int)
    case chunkEnd
    case trailers
    case untilClose
  }

  private var state = State.statusLine
  private var line: [UInt8] = []
  private var headBytes = 0
  private var bodyBytes = 0
  private var head = Head()

  private struct Head {
    var status = 0
    var keepsAlive = true
    var contentLength: Int?
    var isChunked = false
  }

  /// Makes a parser for a new connection.
  package init() {}

  /// Resets the parser for a new connection.
  package mutating func reset() {
    self = HTTPResponseParser()
  }

  /// Returns the next event in `bytes` from `offset` on, and advances `offset` past it. Call it until it returns `needsBytes`.
  ///
  /// - Throws: `HTTPResponseError` when the response is malformed or too large; the connection cannot be used any more.
  package mutating func next(_ bytes: RawSpan, from offset: inout Int) throws(HTTPResponseError) -> Event {
    while true {
      switch state {
      case .fixed(let remaining):
        if remaining == 0 { return endOfResponse() }
        guard offset < bytes.byteCount else { return .needsBytes }
        let range = offset..<min(bytes.byteCount, offset + remaining)
        state = .fixed(remaining: remaining - range.count)
        offset = range.upperBound
        return .body(range)
      case .untilClose:
        guard offset < bytes.byteCount else { return .needsBytes }
        let range = offset..<bytes.byteCount
        try countBody(range.count)
        offset = range.upperBound
        return .body(range)
      case .chunk(let remaining):
        if remaining == 0 {
          state = .chunkEnd
          continue
        }
        guard offset < bytes.byteCount else { return .needsBytes }
        let range = offset..<min(bytes.byteCount, offset + remaining)
        state = .chunk(remaining: remaining - range.count)
        offset = range.upperBound
        return .body(range)
      case .statusLine, .headers, .chunkSize, .chunkEnd, .trailers:
        guard try takeLine(bytes, &offset) else { return .needsBytes }
        defer { line.removeAll(keepingCapacity: true) }
        if let event = try readLine() { return event }
      }
    }
  }

  /// Handles the end of the connection. Returns the end of a response whose body lasts until the connection ends.
  ///
  /// - Throws: `HTTPResponseError.truncated` at any other place, also before the first byte of a response.
  package mutating func close() throws(HTTPResponseError) -> Event {
    guard case .untilClose = state else { throw .truncated }
    state = .statusLine
    return .end(isReusable: false)
  }

  /// Appends bytes to `line` up to CR LF, which is dropped. False when the end of the line has not come yet.
  private mutating func takeLine(_ bytes: RawSpan, _ offset: inout Int) throws(HTTPResponseError) -> Bool {
    let lineFeed = bytes.firstLineFeed(from: offset)
    headBytes += lineFeed - offset
    guard headBytes <= Self.largestHead else { throw .headTooLarge }
    bytes.append(offset..<lineFeed, to: &line)
    guard lineFeed < bytes.byteCount else {
      offset = lineFeed
      return false
    }
    offset = lineFeed + 1
    guard line.popLast() == 0x0D else { throw .malformedHeader }
    return true
  }

  private mutating func readLine() throws(HTTPResponseError) -> Event? {
    switch state {
    case .statusLine:
      try readStatusLine()
      state = .headers
    case .headers:
      guard line.isEmpty else {
        try readHeader()
        return nil
      }
      return try endOfHead()
    case .chunkSize:
      let size = try chunkSize()
      headBytes = 0
      try countBody(size)
      state = size == 0 ? .trailers : .chunk(remaining: size)
    case .chunkEnd:
      guard line.isEmpty else { throw .malformedChunk }
      state = .chunkSize
    case .trailers:
      if line.isEmpty { return endOfResponse() }
    case .fixed, .chunk, .untilClose:
      break
    }
    return nil
  }

  /// Reads a status line such as `HTTP/1.1 200 OK`; the reason phrase may be absent.
  private mutating func readStatusLine() throws(HTTPResponseError) {
    let version = Array("HTTP/1.".utf8)
    guard line.count >= 12, line.starts(with: version), line[7] == UInt8(ascii: "0") || line[7] == UInt8(ascii: "1"),
      line[8] == UInt8(ascii: " "), line.count == 12 || line[12] == UInt8(ascii: " ")
    else { throw .malformedStatusLine }
    var status = 0
    for byte in line[9..<12] {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { throw .malformedStatusLine }
      status = status * 10 + Int(byte - UInt8(ascii: "0"))
    }
    guard status >= 100 else { throw .malformedStatusLine }
    head = Head(status: status, keepsAlive: line[7] == UInt8(ascii: "1"))
  }

  private mutating func readHeader() throws(HTTPResponseError) {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
      line[..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7F }), line[colon...].allSatisfy({ $0 >= 0x20 || $0 == 0x09 })
    else { throw .malformedHeader }
    var value = line[(colon + 1)...]
    while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
    while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
    if Self.isEqual(line[..<colon], "content-length") {
      guard !value.isEmpty, value.count <= 15 else { throw .contradictoryLength }
      var length = 0
      for byte in value {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { throw .contradictoryLength }
        length = length * 10 + Int(byte - UInt8(ascii: "0"))
      }
      guard head.contentLength == nil || head.contentLength == length else { throw .contradictoryLength }
      head.contentLength = length
    } else if Self.isEqual(line[..<colon], "transfer-encoding") {
      guard !head.isChunked, Self.isEqual(value, "chunked") else { throw .unsupportedEncoding }
      head.isChunked = true
    } else if Self.isEqual(line[..<colon], "connection") {
      for option in value.split(separator: UInt8(ascii: ",")) {
        let name = option.filter { $0 != 0x20 && $0 != 0x09 }
        if Self.isEqual(name[...], "close") { head.keepsAlive = false }
        if Self.isEqual(name[...], "keep-alive") { head.keepsAlive = true }
      }
    } else if Self.isEqual(line[..<colon], "content-encoding") {
      guard Self.isEqual(value, "identity") else { throw .unsupportedEncoding }
    }
  }

  private mutating func endOfHead() throws(HTTPResponseError) -> Event? {
    if head.status < 200 {
      // An interim response: the real one follows. Their heads share one bound.
      guard head.status != 101 else { throw .malformedStatusLine }
      state = .statusLine
      return nil
    }
    headBytes = 0
    bodyBytes = 0
    if head.status == 204 || head.status == 304 {
      state = .fixed(remaining: 0)
    } else if head.isChunked {
      // Both framings at once is how responses are smuggled (RFC 9112, 6.3).
      guard head.contentLength == nil else { throw .contradictoryLength }
      state = .chunkSize
    } else if let length = head.contentLength {
      try countBody(length)
      state = .fixed(remaining: length)
    } else {
      head.keepsAlive = false
      state = .untilClose
    }
    return .head(status: head.status)
  }

  private mutating func endOfResponse() -> Event {
    state = .statusLine
    headBytes = 0
    return .end(isReusable: head.keepsAlive)
  }

  private mutating func countBody(_ count: Int) throws(HTTPResponseError) {
    bodyBytes += count
    guard bodyBytes <= Self.largestBody else { throw .bodyTooLarge }
  }

  /// Reads a chunk size: one to eight hexadecimal digits, then an optional extension after `;`.
  private func chunkSize() throws(HTTPResponseError) -> Int {
    var size = 0
    var digits = 0
    for byte in line {
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      case UInt8(ascii: ";"), 0x20, 0x09:
        guard digits > 0 else { throw .malformedChunk }
        return size
      default: throw .malformedChunk
      }
      digits += 1
      guard digits <= 8 else { throw .malformedChunk }
      size = size << 4 | Int(digit)
    }
    guard digits > 0 else { throw .malformedChunk }
    return size
  }

  private static func isEqual(_ bytes: ArraySlice<UInt8>, _ lowercase: String) -> Bool {
    guard bytes.count == lowercase.utf8.count else { return false }
    return String(decoding: bytes, as: UTF8.self).lowercased() == lowercase
  }
}
