import EPPCore
import Testing

@Suite struct EndpointAddressTests {
  @Test(
    arguments: [
      ("10.0.0.7:8000", "10.0.0.7", 8000), ("[2001:db8::7]:8000", "2001:db8::7", 8000),
      ("engine-0.local:1", "engine-0.local", 1),
      ("[::1]:65535", "::1", 65535), ("localhost:80", "localhost", 80),
    ] as [(String, String, UInt16)])
  func anAddressIsReadAndWrittenBack(_ text: String, _ host: String, _ port: UInt16) throws {
    let address = try #require(EndpointAddress(text))
    #expect(address.host == host)
    #expect(address.port == port)
    #expect(address.description == text)
    #expect(address == EndpointAddress(host: host, port: port))
  }

  @Test(arguments: [
    "", ":", "host", "host:", ":8000", "host:0", "host:65536", "host:-1", "host:+1", "host:8o", "host: 80",
    "2001:db8::7:8000", "::1:80",
    "[::1]", "[]:80", "[::1:80", "a b:80", "a,b:80", "host:80\n", "host:٨٠",
  ])
  func otherTextIsNoAddress(_ text: String) {
    #expect(EndpointAddress(text) == nil)
  }

  @Test func onlyIPv6LiteralsHaveBrackets() {
    #expect(EndpointAddress(host: "fe80::1", port: 1).description == "[fe80::1]:1")
    #expect(EndpointAddress(host: "fe80::1", port: 1).isIPv6)
    #expect(!EndpointAddress(host: "10.0.0.1", port: 1).isIPv6)
  }

  @Test func partsOfATextAreReadToo() {
    #expect(EndpointAddress("x=10.0.0.7:8000".dropFirst(2)) == EndpointAddress(host: "10.0.0.7", port: 8000))
  }
}
