import EPPCore
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite struct IPAddressTests {
  @Test(arguments: [
    ("10.0.0.7", "10.0.0.7"), ("::", "::"), ("::1", "::1"), ("2001:DB8:0:0:1:0:0:0", "2001:db8:0:0:1::"),
    ("2001:db8::1:0:0:1", "2001:db8::1:0:0:1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1::", "1::"),
    ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"), ("::ffff:10.0.0.1", "10.0.0.1"),
  ])
  func textIsTheShortestForm(text: String, written: String) throws {
    #expect(try "\(#require(IPAddress(text)))" == written)
  }

  @Test(arguments: [
    "0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::7", "1:2:3:4:5:6:7:8", "fe80::1:2", "1::",
    "::ffff:10.0.0.1", "64:ff9b::10.0.0.1",
  ])
  func literalsAreKnown(text: String) {
    #expect(IPAddress(text) != nil)
  }

  @Test(arguments: [
    "", "localhost", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.-4", ":", ":::", "1:2:3:4:5:6:7", "1::2::3",
    "1:2:3:4:5:6:7:8:9", "12345::", "[::1]", "::1%eth0", "fe80::/10", "::10.0.0", "g::", "1:2:3:4:5:6:7:10.0.0.1",
    "1:2:3:4::5:6:7:8",
  ])
  func otherTextIsNone(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test(arguments: [
    ("2001:db8::7", "2001:0DB8:0:0:0:0:0:7"), ("::ffff:10.0.0.1", "10.0.0.1"), ("::ffff:a00:1", "10.0.0.1"),
    ("::10.0.0.1", "::a00:1"),
  ])
  func twoTextsOfOneAddressAreEqual(one: String, other: String) {
    #expect(IPAddress(one) == IPAddress(other))
  }

  @Test func addressesOfAHostItselfAreKnown() {
    #expect(["127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"].allSatisfy { IPAddress($0)?.isLoopback == true })
    #expect(["128.0.0.1", "::2", "1::1"].allSatisfy { IPAddress($0)?.isLoopback == false })
    #expect(["169.254.169.254", "fe80::1", "febf::1"].allSatisfy { IPAddress($0)?.isLinkLocal == true })
    #expect(["169.255.0.1", "fec0::1"].allSatisfy { IPAddress($0)?.isLinkLocal == false })
    #expect(["0.0.0.0", "::"].allSatisfy { IPAddress($0)?.isUnspecified == true })
  }

  /// Texts of the characters of addresses, read as by the operating system.
  @Test func textsAreReadAsByTheOperatingSystem() {
    var random = SplitMix64(seed: 7)
    var literals = 0
    for _ in 0..<200_000 {
      let groups = (0..<Int.random(in: 1...9, using: &random)).map { _ in
        ["", "0", "1", "ff", "a0b1", "12345", "10.0.0.1", "256"].randomElement(using: &random) ?? ""
      }
      let separator = Bool.random(using: &random) ? ":" : "."
      let text = groups.joined(separator: separator)
      let bytes = Self.parsedBySystem(text)
      #expect((IPAddress(text) != nil) == (bytes != nil), "\(text)")
      literals += bytes == nil ? 0 : 1
    }
    #expect(literals > 100)
  }

  private static func parsedBySystem(_ text: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    for family in [AF_INET, AF_INET6]
    where unsafe bytes.withUnsafeMutableBytes({ unsafe inet_pton(family, text, $0.baseAddress) }) == 1 {
      return bytes
    }
    return nil
  }
}
