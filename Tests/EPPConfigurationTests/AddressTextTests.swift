import EPPConfiguration
import EPPCore
import Testing

@Suite struct AddressTextTests {
  @Test(arguments: [
    "0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::7", "1:2:3:4:5:6:7:8", "fe80::1:2", "1::",
    "::ffff:10.0.0.1", "64:ff9b::10.0.0.1",
  ])
  func literalsAreKnown(text: String) {
    #expect(AddressText.isLiteral(text))
  }

  @Test(arguments: [
    "", "localhost", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.-4", ":", ":::", "1:2:3:4:5:6:7", "1::2::3",
    "1:2:3:4:5:6:7:8:9", "12345::", "[::1]", "::1%eth0", "fe80::/10", "::10.0.0", "g::", "1:2:3:4:5:6:7:10.0.0.1",
    "1:2:3:4::5:6:7:8",
  ])
  func otherTextIsNone(text: String) {
    #expect(!AddressText.isLiteral(text))
  }

  @Test(arguments: ["10.0.0.7:8000", "[2001:db8::7]:8000", "engine-0.local:8000", "gpu_a:1"])
  func endpointsAreRead(text: String) throws {
    #expect(try AddressText.endpoint(text).description == text)
  }

  @Test(arguments: [
    ("http://a:1", "'http://a:1' is a URL: write HOST:PORT, without 'http://'"),
    ("::1", "'::1' has no port: write [::1]:8000"),
    ("a", "'a' is not HOST:PORT (an IPv6 address needs brackets: [::1]:8000)"),
    ("a:0", "'a:0' is not HOST:PORT (an IPv6 address needs brackets: [::1]:8000)"),
    ("a:65536", "'a:65536' is not HOST:PORT (an IPv6 address needs brackets: [::1]:8000)"),
    ("", "'' is not HOST:PORT (an IPv6 address needs brackets: [::1]:8000)"),
    ("a/b:1", "'a/b' in 'a/b:1' is neither an IP address nor a host name"),
    ("10.0.0.300:1", "'10.0.0.300' in '10.0.0.300:1' is neither an IP address nor a host name"),
    ("[g::1]:1", "'g::1' in '[g::1]:1' is neither an IP address nor a host name"),
  ])
  func otherEndpointsAreExplained(text: String, message: String) {
    do {
      let address = try AddressText.endpoint(text)
      Issue.record("\(address) was taken")
    } catch {
      #expect(error.message == message)
    }
  }
}
