import EPPCore
import Testing

@testable import EPPObservability

@Suite struct AdminGuardTests {
  private func door(_ address: String = "127.0.0.1") throws -> AdminGuard {
    AdminGuard(boundTo: try #require(IPAddress(address)))
  }

  @Test(arguments: [
    "127.0.0.1", "127.0.0.1:9091", "127.0.0.2:80", "localhost", "localhost:9091", "LocalHost", "localhost.:1", "[::1]",
    "[::1]:9091", "[::ffff:127.0.0.1]:9091", "ip6-localhost:9091",
  ])
  func loopbackNamesAndAddressesAreOwn(_ host: String) throws {
    #expect(try door().refusal(hosts: [host], origin: nil) == nil)
  }

  @Test(arguments: [
    "", "evil.example", "evil.example:9091", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1:9091",
    "[2001:db8::1]", "::1", "[::1", "[127.0.0.1]", "127.0.0.1:", "127.0.0.1:+1", "127.0.0.1:70000", "127.0.0.1:1:2",
    "localhost..", "user@localhost", "127.1", "0x7f.0.0.1", "0.0.0.0", "[::1]9091", " localhost",
  ])
  func otherHostsAreRefused(_ host: String) throws {
    #expect(try door().refusal(hosts: [host], origin: nil)?.contains("Host header") == true)
  }

  @Test func theBoundAddressIsOwnWhateverItsText() throws {
    #expect(try door("10.0.0.1").refusal(hosts: ["10.0.0.1:9091"], origin: nil) == nil)
    #expect(try door("10.0.0.1").refusal(hosts: ["10.0.0.2:9091"], origin: nil) != nil)
    #expect(try door("2001:db8::7").refusal(hosts: ["[2001:DB8:0::7]"], origin: nil) == nil)
  }

  @Test(arguments: ["0.0.0.0", "::"]) func onAllInterfacesEveryAddressIsOwnAndNoName(_ bound: String) throws {
    let door = try door(bound)
    #expect(door.refusal(hosts: ["10.1.2.3:9091"], origin: nil) == nil)
    #expect(door.refusal(hosts: ["[2001:db8::7]"], origin: nil) == nil)
    #expect(door.refusal(hosts: ["evil.example"], origin: nil) != nil)
  }

  @Test func oneHostIsWantedAndNoOrigin() throws {
    #expect(try door().refusal(hosts: [], origin: nil) != nil)
    #expect(try door().refusal(hosts: ["localhost", "localhost"], origin: nil) != nil)
    for origin in ["http://evil.example", "http://localhost:9091", "null", ""] {
      #expect(try door().refusal(hosts: ["localhost"], origin: origin)?.contains("Origin") == true)
    }
  }
}
