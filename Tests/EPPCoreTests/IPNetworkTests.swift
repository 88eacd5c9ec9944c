import EPPCore
import Testing

@Suite struct IPNetworkTests {
  @Test(
    arguments: [
      ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false), ("172.16.0.0/12", "172.31.255.255", true),
      ("172.16.0.0/12", "172.32.0.0", false), ("192.168.1.128/25", "192.168.1.127", false),
      ("192.168.1.128/25", "192.168.1.200", true), ("0.0.0.0/0", "8.8.8.8", true), ("10.1.2.3", "10.1.2.3", true),
      ("10.1.2.3", "10.1.2.4", false), ("fc00::/7", "fdff::1", true), ("fc00::/7", "fe00::", false),
      ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::", false),
      // Another family, and an IPv4 address in IPv6 form.
      ("0.0.0.0/0", "2001:db8::1", false), ("10.0.0.0/8", "::ffff:10.0.0.1", true), ("::/0", "10.0.0.1", false),
    ])
  func networksContainAddressesWithTheirFirstBits(_ network: String, _ address: String, _ isInside: Bool) throws {
    let parsed = try #require(IPNetwork(network))
    #expect(parsed.contains(try #require(IPAddress(address))) == isInside)
  }

  @Test(
    arguments: [
      "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.1/8", "10.0.0.0/0008",
      "10/8",
      "fc00::/129", "fc00::1/7", "::ffff:10.0.0.0/104", "host/8", "10.0.0.0/ 8",
    ])
  func otherTextsAreNoNetworks(_ text: String) { #expect(IPNetwork(text) == nil) }

  @Test(
    arguments: [
      ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("169.254.169.254", true), ("fe80::1", true),
      ("224.0.0.1", true),
      ("239.255.255.255", true), ("255.255.255.255", true), ("ff02::1", true), ("0.0.0.0", true), ("::", true),
      ("::ffff:127.0.0.1", true), ("10.0.0.1", false), ("128.0.0.1", false), ("169.253.0.1", false), ("fec0::1", false),
      ("223.255.255.255", false), ("240.0.0.1", false),
    ])
  func addressesOfNoOtherMachineAreSpecial(_ text: String, _ isSpecial: Bool) throws {
    #expect(try #require(IPAddress(text)).isSpecial == isSpecial)
  }
}
