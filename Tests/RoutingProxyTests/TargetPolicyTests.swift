import EPPCore
import RoutingProxy
import Testing

/// A client that names a target itself must not make the proxy connect to what it could not reach.
@Suite struct TargetPolicyTests {
  private let standard = TargetPolicy(.networks(TargetPolicy.privateNetworks, ports: [8000, 8200]))

  private func refusal(_ policy: TargetPolicy, _ address: String, _ port: UInt16 = 8000) throws -> TargetPolicy.Refusal?
  {
    let parsed = try #require(IPAddress(address))
    do {
      try policy.check(parsed, port: port)
      return nil
    } catch {
      return error
    }
  }

  @Test(
    arguments: [
      ("10.1.2.3", 8000, nil), ("172.31.0.1", 8200, nil), ("192.168.0.9", 8000, nil), ("100.64.1.1", 8000, nil),
      ("fd12::7", 8000, nil), ("::ffff:10.0.0.1", 8000, nil), ("10.1.2.3", 22, .port), ("10.1.2.3", 6443, .port),
      ("8.8.8.8", 8000, .network), ("2001:db8::1", 8000, .network), ("100.128.0.1", 8000, .network),
      ("127.0.0.1", 8000, .special), ("::1", 8000, .special), ("169.254.169.254", 8000, .special),
      ("fe80::1", 8000, .special),
      ("224.0.0.5", 8000, .special), ("0.0.0.0", 8000, .special), ("::ffff:127.0.0.1", 8000, .special),
    ] as [(String, UInt16, TargetPolicy.Refusal?)])
  func withoutConfigurationPrivateNetworksAreAllowed(
    _ address: String, _ port: UInt16, _ expected: TargetPolicy.Refusal?
  ) throws {
    #expect(try refusal(standard, address, port) == expected)
  }

  /// A network of all addresses opens neither the metadata service of a cloud nor the pod itself.
  @Test func specialAddressesHaveToBeNamed() throws {
    let all = TargetPolicy(.networks(["0.0.0.0/0", "::/0"].compactMap { IPNetwork($0) }, ports: [8000]))
    #expect(try refusal(all, "8.8.8.8") == nil)
    for address in ["169.254.169.254", "127.0.0.1", "0.0.0.0", "::1", "fe80::1", "255.255.255.255"] {
      #expect(try refusal(all, address) == .special)
    }
    let loopback = TargetPolicy(.networks(["127.0.0.0/8", "::1"].compactMap { IPNetwork($0) }, ports: [8000]))
    #expect(try refusal(loopback, "127.0.0.1") == nil)
    #expect(try refusal(loopback, "::1") == nil)
    #expect(try refusal(loopback, "169.254.169.254") == .special)
  }

  @Test func forbiddenAddressesAreRefusedWhateverIsAllowed() throws {
    let server = try #require(IPAddress("10.96.0.1"))
    #expect(
      try refusal(
        TargetPolicy(.networks(TargetPolicy.privateNetworks, ports: [443]), forbidden: [server]), "10.96.0.1", 443)
        == .forbidden)
    let member = TargetPolicy.Member(address: server, port: 443)
    #expect(try refusal(TargetPolicy(.members([member]), forbidden: [server]), "::ffff:10.96.0.1", 443) == .forbidden)
  }

  @Test func membersAreAllowedWithTheirPortsAlone() throws {
    let policy = TargetPolicy(.members([.init(address: try #require(IPAddress("10.0.0.7")), port: 8000)]))
    #expect(try refusal(policy, "10.0.0.7") == nil)
    #expect(try refusal(policy, "10.0.0.7", 8001) == .stranger)
    #expect(try refusal(policy, "10.0.0.8") == .stranger)
  }

  /// A name that has an allowed and another address is dialled at the allowed one only.
  @Test func theAddressThatWasCheckedIsTheOneThatIsDialled() throws {
    let metadata = try #require(IPAddress("169.254.169.254"))
    let engine = try #require(IPAddress("10.0.0.7"))
    #expect(try standard.firstAllowed(of: [metadata, engine], port: 8000) == engine)
    #expect(throws: TargetPolicy.Refusal.special) { try standard.firstAllowed(of: [metadata], port: 8000) }
    #expect(throws: TargetPolicy.Refusal.malformed) { try standard.firstAllowed(of: [], port: 8000) }
  }

  @Test(
    arguments: [
      ("10.0.0.7:8000", "10.0.0.7"), (" http://10.0.0.7:8000 ", "10.0.0.7"), ("[fd00::1]:8000", "fd00::1"),
      ("vllm-0.prefill.llm.svc:8000", nil), ("http://vllm-0:8000", nil),
    ] as [(String, String?)])
  func targetsAreAddressesOrNames(_ text: String, _ address: String?) throws {
    #expect(try NamedTarget(text).address == address.flatMap { IPAddress($0) })
  }

  /// Forms of addresses that resolvers take and that a check of texts would miss, and what is no target.
  @Test(
    arguments: [
      "2130706433:8000", "0x7f000001:8000", "0177.0.0.1:8000", "127.1:8000", "0x7f.0.0.1:8000", "10.0.0.7",
      "10.0.0.7:0",
      "10.0.0.7:65536", "10.0.0.7:+80", ":8000", "https://10.0.0.7:8000", "ftp://a:8000", "http://user@10.0.0.7:8000",
      "10.0.0.7:8000/path", "10.0.0.7:8000#a", "10.0.0.7:8000,10.0.0.8:8000", "fd00::1:8000", "[fe80::1%eth0]:8000",
      "a_b:8000",
      "-a:8000", "a..b:8000", "host.:8000", "ho st:8000", "h\u{00F6}st:8000", "127.0.0.1\u{3002}1:8000", "",
    ])
  func otherFormsAreRefused(_ text: String) {
    #expect(throws: TargetPolicy.Refusal.malformed) { try NamedTarget(text) }
  }
}
