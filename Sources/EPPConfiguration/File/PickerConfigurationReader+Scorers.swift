import EPPScheduling
import Yams

/// Parameters of scorers.
extension PickerConfigurationReader {
  /// Old names of parameters that now belong elsewhere.
  private static let prefixHints = Dictionary(
    uniqueKeysWithValues: [
      "autoTune", "blockSizeTokens", "blockSize", "hashBlockSize", "maxPrefixTokensToMatch", "maxPrefixBlocksToMatch",
      "lruCapacityPerServer",
    ].map { ($0, "it is a parameter of approx-prefix-cache-producer") })

  mutating func scorer(_ type: ScorerConfiguration.TypeName, _ node: Node?) -> ScorerConfiguration {
    switch type {
    case .queue, .runningRequests, .kvCacheUtilization, .loRAAffinity:
      if let node { _ = reader.members(node, of: "the parameters of \(type.rawValue)", known: []) }
      return ScorerConfiguration(defaultsOf: type)
    case .prefixCache: return .prefixCache(prefixCache(node))
    case .sessionAffinity: return .sessionAffinity(sessionAffinity(node))
    }
  }

  private mutating func prefixCache(_ node: Node?) -> PrefixCacheParameters {
    var parameters = PrefixCacheParameters()
    let known = ["prefixMatchInfoProducerName", "matchLengthWeight", "matchLengthScaleTokens"]
    guard let node,
      let members = reader.members(
        node, of: "the parameters of prefix-cache-scorer", known: known, hints: Self.prefixHints)
    else { return parameters }
    // Empty is the anchor's default; a name has to be that of the one producer there is.
    if let producer = members["prefixMatchInfoProducerName"], producer.string?.isEmpty != true,
      let name = reader.string(producer, "prefixMatchInfoProducerName"), name != "approx-prefix-cache-producer"
    {
      _ = named(name, producer, .producer)
    }
    parameters.matchLengthWeight =
      reader.number(members["matchLengthWeight"], "matchLengthWeight", 0...1) ?? parameters.matchLengthWeight
    parameters.matchLengthScaleTokens =
      reader.integer(members["matchLengthScaleTokens"], "matchLengthScaleTokens", 1...1_000_000_000)
      ?? parameters.matchLengthScaleTokens
    return parameters
  }

  private mutating func sessionAffinity(_ node: Node?) -> SessionAffinityParameters {
    var parameters = SessionAffinityParameters()
    let known = [
      "strategy", "header", "sources", "evictionTtlSeconds", "evictionSweepSeconds", "profileName", "trustedHops",
    ]
    guard let node else {
      noteDefaultStrategy()
      return parameters
    }
    guard let members = reader.members(node, of: "the parameters of session-affinity-scorer", known: known) else {
      return parameters
    }
    let header = sessionHeader(members)
    let hops = reader.integer(members["trustedHops"], "trustedHops", 1...16)
    if let header { parameters.strategy = .header(header) }
    if let strategyNode = members["strategy"] {
      strategy(reader.string(strategyNode, "strategy"), strategyNode, hops ?? 1, &parameters)
    } else if header == nil {
      noteDefaultStrategy()
    }
    if let hopsNode = members["trustedHops"], case .header = parameters.strategy {
      reader.report("'trustedHops' belongs to the strategy client_address", hopsNode)
    }
    if let seconds = reader.integer(members["evictionTtlSeconds"], "evictionTtlSeconds", 1...31_536_000) {
      parameters.timeToLive = .seconds(seconds)
    }
    _ = reader.integer(members["evictionSweepSeconds"], "evictionSweepSeconds", 1...31_536_000)
    _ = reader.string(members["profileName"], "profileName")
    return parameters
  }

  private mutating func noteDefaultStrategy() {
    notes.append(
      "session-affinity-scorer reads session ids from x-session-id: llm-d's default strategy encoded_endpoint_header is "
        + "not supported by this version yet")
  }

  private mutating func strategy(
    _ name: String?, _ node: Node, _ hops: Int, _ parameters: inout SessionAffinityParameters
  ) {
    let known = ["header", "session_id", "client_address"]
    switch name {
    case nil, "header", "session_id": break
    case "client_address":
      parameters.strategy = .clientAddress(trustedHops: hops)
      parameters.timeToLive = .seconds(7200)
    case "encoded_endpoint_header", "cookie", "signed_token":
      reader.report(
        "the strategy '\(name ?? "")' is not supported by this version yet (known: \(known.joined(separator: ", ")))",
        node)
    case let name?:
      reader.report(
        "unknown strategy '\(YAMLReader.shortened(name))'\(NearestWord.suggestion(known, for: name)) (known: "
          + known.joined(separator: ", ") + ")", node)
    }
  }

  /// The header of `header`, else of the first of `sources`.
  private mutating func sessionHeader(_ members: YAMLReader.Members) -> String? {
    var headers: [String] = []
    if let header = reader.headerName(members["header"], "header") { headers.append(header) }
    for source in reader.list(members["sources"], "sources") {
      guard let source = reader.members(source, of: "an entry of sources", known: ["header"]) else { continue }
      if source["header"] == nil { reader.report("an entry of sources needs a header", source.node) }
      if let header = reader.headerName(source["header"], "header") { headers.append(header) }
    }
    if headers.count > 1 {
      notes.append("session-affinity-scorer reads session ids from \(headers[0]) only: one source is supported")
    }
    return headers.first
  }
}
