import EPPScheduling

extension PickerConfigurationFile {
  /// What `epp validate` says of a good file: `ok`, then a line for each part.
  package var summary: String {
    let scorers = profile.scorers.map { "\($0.name)=\(Self.text($0.weight))" }.joined(separator: ", ")
    let endpoints = profile.picker.maximumEndpoints
    let fallbacks = endpoints > 1 ? ", up to \(endpoints) endpoints" : ""
    var lines = [
      "ok",
      "profile \(profile.name): \(scorers.isEmpty ? "no scorers" : scorers); \(profile.picker.type.rawValue)\(fallbacks)",
      "prefix cache: \(prefix.maximumTokens) tokens of a prompt are looked up; \(prefix.defaultTokens) tokens per engine"
        + (prefix.learnsCacheSize ? " where the engine does not say" : ""),
    ]
    if let precise { lines.append("KV events: \(Self.text(precise))") }
    if let endpointsFile { lines.append("endpoints: from \(endpointsFile)") }
    lines += notes.map { "note: \($0)" }
    return lines.joined(separator: "\n")
  }

  private static func text(_ precise: PreciseCacheSettings) -> String {
    if let address = precise.eventsBind { return "of engines that connect to \(address)" }
    return precise.eventsPort.map { "of every engine at port \($0)" } ?? "of the engines that the endpoints file says"
  }

  /// `2`, not `2.0`.
  private static func text(_ weight: Double) -> String { Int(exactly: weight).map { "\($0)" } ?? "\(weight)" }
}
