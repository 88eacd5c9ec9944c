import EPPConfiguration
import Testing

@Suite struct AdminFlagsTests {
  private let flags = FlagsUnderTest()

  private func settings(_ arguments: String...) throws -> (AdminSettings, [String]) {
    let configuration = try flags.validated(arguments)
    return (configuration.admin, configuration.warnings)
  }

  @Test func theDefaultIsTheLoopbackAddress() throws {
    let (settings, warnings) = try settings()
    #expect(settings.address?.description == "127.0.0.1:9091" && settings.address?.isGiven == false)
    #expect(settings.tokenFile == nil && warnings == [])
  }

  @Test func anAddressIsTakenAsItIsWritten() throws {
    for (text, host, port) in [
      ("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:9000", "::1", 9000), ("localhost:7", "127.0.0.1", 7),
    ] {
      let (settings, warnings) = try settings("--admin-address", text)
      #expect(settings.address?.host == host && settings.address?.port == port && settings.address?.isGiven == true)
      #expect(warnings == [])
    }
    #expect(try settings("--admin-address=[::1]:9000").0.address?.description == "[::1]:9000")
  }

  @Test func anEmptyAddressIsNoServer() throws {
    for arguments in [["--admin-address", ""], ["--admin-address="]] {
      let configuration = try flags.validated(arguments)
      #expect(configuration.admin.address == nil && configuration.warnings == [])
    }
    let (settings, warnings) = try settings("--admin-address", "", "--admin-token-file", "/t")
    #expect(settings.address == nil)
    #expect(warnings == ["--admin-token-file has no effect: an empty --admin-address is no admin server"])
  }

  @Test(arguments: [
    "9091", ":9091", "::1:9091", "example.org:9091", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
    "127.0.0.1:-1", "[127.0.0.1]:1", "http://127.0.0.1:9091",
  ])
  func otherTextsAreRefused(_ text: String) {
    #expect(
      flags.problems("--admin-address", text) == [
        "--admin-address: '\(text)' is not IP:PORT, such as 127.0.0.1:9091 or [::1]:9091 (port 0: a free one)"
      ])
  }

  @Test func anOpenAddressIsWarnedOf() throws {
    for text in ["0.0.0.0:9091", "[::]:9091", "10.0.0.1:0"] {
      let (settings, warnings) = try settings("--admin-address", text)
      #expect(
        settings.address != nil && warnings.count == 1 && warnings[0].hasPrefix("--admin-address \(text): whoever"))
    }
  }

  @Test func aPortIsForOneServer() throws {
    #expect(
      flags.problems("--admin-address", "127.0.0.1:9002")
        == ["--admin-address and --grpc-port are both 9002: each needs a port of its own"])
    let (settings, warnings) = try settings("--metrics-port", "9091")
    #expect(settings.address == nil)
    #expect(
      warnings == [
        "--metrics-port has the port of the admin server, which is off therefore; --admin-address HOST:PORT gives it another"
      ])
    #expect(try self.settings("--admin-address", "127.0.0.1:0", "--metrics-port", "0").0.address?.port == 0)
  }
}
