import EPPCore

/// `header-based-testing-filter`: keeps the endpoints that the header `test-epp-endpoint-selection` names, for the conformance
/// tests of gateways.
///
/// The header is a list with commas: an IP address stands for all of its ports, `ip:port` for one. A request without the header,
/// or whose header names no endpoint of the pool, has no candidates. A client chooses the endpoint, so it is for tests only.
package struct HeaderBasedTestingFilter: Filter {
  /// The request header with the wanted endpoints.
  static let selection = "test-epp-endpoint-selection"

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "header-based-testing-filter", "Keeps the endpoints that a request header names, for conformance tests of gateways",
    needs: { _, _ in PluginNeeds(headers: [selection]) }, parts: [.filter { _, _ in HeaderBasedTestingFilter() }])

  private let hosts = MemberCache { IPAddress($0.address.host) }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    let wanted = (context.context.headers.first(Self.selection) ?? "").split(separator: ",").map {
      String($0.trimmed)
    }
    let wantedHosts = Set(wanted.compactMap { IPAddress($0.withoutBrackets) })
    let wantedAddresses = Set(wanted)
    let hosts = hosts.values(of: context.snapshot)
    let members = context.snapshot.members
    let candidates = context.candidates
    selection.keep(context) { position in
      let index = candidates[position]
      return hosts[index].map(wantedHosts.contains) ?? false || wantedAddresses.contains(members[index].destination)
    }
  }
}

extension String {
  /// An IPv6 literal in brackets without them; other texts as they are.
  fileprivate var withoutBrackets: String {
    hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self
  }
}
