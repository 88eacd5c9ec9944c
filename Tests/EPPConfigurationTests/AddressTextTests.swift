import EPPConfiguration
import EPPCore
import Testing

@Suite struct AddressTextTests {
  @Test(arguments: ["10.0.0.7:8000", "[2001:db8::7]:8000", "engine-0.local:8000", "gpu_a:1"])
  func endpointsAreRead(text: String) throws {
    #expect(try AddressText.endpoint(text).description == text)
  }

  @Test(arguments: [
    ("http://a:1", "'http://a:1' is a URL: write HOST:PORT, without 'http://'"),
    ("::1", "'::1' has no port: write [::1]:8000"),
    ("a", "'a' is not HOST:PORT (an IPv6 address needs brackets: [::1]:8000)"),
    ("a:0", "'a:0': 0 is not a port from 1 to 65535"),
    ("a:65536", "'a:65536': 65536 is not a port from 1 to 65535"),
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
