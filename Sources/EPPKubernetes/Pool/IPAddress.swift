#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// An IP address by its bytes, so that two ways to write one address are equal. An IPv4 address in IPv6 form counts as IPv4.
package struct IPAddress: Hashable, Sendable {
  /// 4 or 16.
  private let bytes: [UInt8]

  /// Reads an IPv4 or IPv6 literal without brackets and without a zone; nil for everything else.
  package init?(_ text: String) {
    var storage = [UInt8](repeating: 0, count: 16)
    if unsafe storage.withUnsafeMutableBytes({ unsafe inet_pton(AF_INET, text, $0.baseAddress) }) == 1 {
      bytes = Array(storage[..<4])
    } else if unsafe storage.withUnsafeMutableBytes({ unsafe inet_pton(AF_INET6, text, $0.baseAddress) }) == 1 {
      let isMapped = storage[..<10].allSatisfy { $0 == 0 } && storage[10] == 0xFF && storage[11] == 0xFF
      bytes = isMapped ? Array(storage[12...]) : storage
    } else {
      return nil
    }
  }

  /// 127.0.0.0/8 and ::1.
  package var isLoopback: Bool {
    bytes.count == 4 ? bytes[0] == 127 : bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
  }

  /// 169.254.0.0/16 and fe80::/10.
  package var isLinkLocal: Bool {
    bytes.count == 4 ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80
  }

  /// 0.0.0.0 and ::.
  package var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }
}
