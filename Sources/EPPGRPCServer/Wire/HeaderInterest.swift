import EPPCore

/// Which request headers are kept: the others are never made into strings, and Envoy sends a dozen with each request.
struct HeaderInterest: Sendable {
  /// By length of the name, then the name's bytes with the string to use.
  private var byLength: [[(bytes: [UInt8], name: String)]]

  /// The protocol's own headers and those that plugins ask for; names are made lower case.
  init(additional: [String] = []) {
    byLength = []
    let known = [
      HeaderName.requestID, HeaderName.path, HeaderName.method, HeaderName.originalPath, HeaderName.forwardedPath,
      HeaderName.forwardedFor, HeaderName.sessionID, HeaderName.sessionToken, HeaderName.modelRewrite,
      HeaderName.modelRewriteOld, HeaderName.fairnessID, HeaderName.fairnessIDOld, HeaderName.objective,
      HeaderName.objectiveOld, HeaderName.contentLength, HeaderName.connection, HeaderName.transferEncoding,
    ]
    for name in known + HeaderName.internalRequestHeaders + additional.map({ $0.lowercased() }) { insert(name) }
  }

  private mutating func insert(_ name: String) {
    let bytes = Array(name.utf8)
    while byLength.count <= bytes.count { byLength.append([]) }
    if byLength[bytes.count].contains(where: { $0.bytes == bytes }) { return }
    byLength[bytes.count].append((bytes, name))
  }

  /// The kept name that equals these bytes, whatever their case; nil when the header is of no interest.
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
