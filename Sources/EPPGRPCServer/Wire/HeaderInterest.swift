import EPPCore

/// The names of the request headers that are decoded. No strings are made of other headers, of which Envoy sends about a dozen.
struct HeaderInterest: Sendable {
  /// Names by their length in bytes: `byLength[count]` has all names of `count` bytes.
  private var byLength: [[(bytes: [UInt8], name: String)]]

  /// Makes a set of the headers that the picker reads itself and of additional ones, in any case.
  init(additional: [String] = []) {
    byLength = []
    let known = [
      HeaderName.requestID, HeaderName.path, HeaderName.method, HeaderName.originalPath, HeaderName.forwardedPath,
      HeaderName.forwardedFor, HeaderName.sessionID, HeaderName.modelRewrite,
      HeaderName.modelRewriteOld, HeaderName.fairnessID, HeaderName.fairnessIDOld, HeaderName.objective,
      HeaderName.objectiveOld, HeaderName.contentLength, HeaderName.connection, HeaderName.transferEncoding,
      HeaderName.prefer,
    ]
    for name in known + HeaderName.internalRequestHeaders + additional.map({ $0.lowercased() }) { insert(name) }
  }

  private mutating func insert(_ name: String) {
    let bytes = Array(name.utf8)
    while byLength.count <= bytes.count { byLength.append([]) }
    if byLength[bytes.count].contains(where: { $0.bytes == bytes }) { return }
    byLength[bytes.count].append((bytes, name))
  }

  /// Returns the lower-case name of a header that is decoded; nil for other headers. Ignores case.
  func name(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    let count = bytes.count
    guard count < byLength.count else { return nil }
    for candidate in byLength[count] {
      var isEqual = true
      for index in 0..<count {
        let byte = unsafe bytes[index]
        let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
        if lower != candidate.bytes[index] {
          isEqual = false
          break
        }
      }
      if isEqual { return candidate.name }
    }
    return nil
  }
}
