import EPPCore
package import EPPPrefixCache

/// `p2p-source-producer`: names the endpoint that holds most of the prompt, so that the one that computes it fetches the blocks
/// from there (`x-kv-cache-source-host-port`, which the routing sidecar reads).
///
/// Of endpoints that hold equally much one is drawn, with a chance in proportion to 1 / (1 + its waiting queue): the load of
/// transfers is spread. Nothing is named where the computing endpoint holds nearly as much itself.
package struct PeerSource: DataProducer {
  // MARK: Parameters

  private static let minimumDelta = TypedParameter<Int>.integer(
    "minCachedTokenDelta", 1...1_000_000_000, default: 1,
    "Tokens that the other endpoint has to hold beyond those that the computing one holds")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "p2p-source-producer", "Names an endpoint from which the computing one can fetch blocks of the prompt",
    parameters: [
      ProducerParameters.prefixMatch.declaration, minimumDelta.declaration,
      PluginParameter(
        "prefillProfileName", .ignored(because: nil), "Has no effect: the profile handler says which profile prefills"),
    ],
    needs: { _, _ in PluginNeeds(prefixMatch: true) }, parts: [.dataProducer { PeerSource($0, $1) }])

  private let minimumDelta: Int
  private let view: PrefixView

  private init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    minimumDelta = arguments[Self.minimumDelta]
    view = environment.prefixView(named: arguments[ProducerParameters.prefixMatch])
  }

  package func produce(
    _ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery, into match: inout ProducedMatch
  ) {}

  package func picked(
    _ pick: borrowing PickedRequest, _ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery,
    _ effects: inout PickEffects
  ) {
    guard !context.request.readsNoCache else { return }
    let computing = pick.others.first { $0.stage == .prefill }?.endpoint.slot ?? pick.endpoint.slot
    let members = context.snapshot.members
    var (most, weights) = (0, 0.0)
    var holders: [(member: Int, weight: Double)] = []
    for index in members.indices where members[index].endpoint.slot != computing {
      let tokens = view.matchedTokens(context.match, members[index].endpoint.slot)
      guard tokens > 0, tokens >= most else { continue }
      if tokens > most { (most, weights, holders) = (tokens, 0, []) }
      let weight = 1 / Double(1 + max(0, members[index].metrics.waitingRequests))
      weights += weight
      holders.append((index, weight))
    }
    guard most >= view.matchedTokens(context.match, computing) + minimumDelta, var drawn = holders.last else { return }
    var place = context.lot * weights
    for holder in holders {
      place -= holder.weight
      if place < 0 {
        drawn = holder
        break
      }
    }
    effects.requestHeaders.append(
      .init(name: HeaderName.kvCacheSourceHostPort, value: members[drawn.member].destination))
  }
}
