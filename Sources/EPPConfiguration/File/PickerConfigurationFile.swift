import EPPCore
package import EPPScheduling

/// What an EndpointPickerConfig document says, checked.
package struct PickerConfigurationFile: Sendable, Equatable {
  package var profile: ProfileConfiguration
  /// All plugins, in the order of the file.
  package var plugins: [ConfiguredPlugin] = []
  /// The endpoints file of the plugin that `dataLayer.discovery` names.
  package var endpointsFile: String?
  /// What is accepted and has no effect here, a sentence each.
  package var notes: [String] = []

  /// What all plugins say of one matter: those that say something of their own, else all that could.
  private func settings<Settings: PluginSettings>(_ type: Settings.Type) -> [Settings] {
    let able = plugins.filter { $0.settings(type) != nil }
    let telling = able.filter { !$0.arguments.isEmpty }
    return (telling.isEmpty ? able : telling).compactMap { $0.settings(type) }
  }

  /// Settings of the prefix index.
  package var prefix: PrefixSettings {
    let all = settings(PrefixSettings.self)
    return all.dropFirst().reduce(all.first ?? PrefixSettings()) { $0.union($1) }
  }

  /// Where the engines' KV events are; nil when no plugin follows them.
  package var precise: PreciseCacheSettings? {
    let all = settings(PreciseCacheSettings.self)
    return all.last.map { last in all.dropLast().reversed().reduce(last) { $0.completed(by: $1) } }
  }

  /// The header that holds session ids, lower case; nil when no plugin says so.
  package var sessionHeader: String? { settings(SessionSource.self).compactMap(\.headerName).last }

  /// The plugin that the prefix index belongs to, in the labels of its metrics.
  package var prefixProducer: ConfiguredPlugin? { plugins.first { $0.settings(PrefixSettings.self) != nil } }

  /// Views of the prefix index, by the names of their producers. A view of what was routed alone makes sense beside one of what
  /// engines announce; by itself it shows all that is known.
  package var prefixViews: [String: PrefixView] {
    let views = plugins.compactMap { plugin in plugin.prefixView.map { (plugin.name, $0) } }
    let hasPrecise = views.contains { !$0.1.isTextAlone }
    return Dictionary(
      views.map { name, view in
        (name, PrefixView(maximumTokens: view.maximumTokens, isTextAlone: hasPrecise && view.isTextAlone))
      },
      uniquingKeysWith: { $1 })
  }

  /// What `epp validate` says of a good file: `ok`, then a line for each part.
  package var summary: String {
    let scorers = profile.scorers.map { "\($0.plugin.name)=\(Self.text($0.weight))" }.joined(separator: ", ")
    let endpoints = profile.picker.arguments[PickerParameters.maximumEndpoints]
    let fallbacks = endpoints > 1 ? ", up to \(endpoints) endpoints" : ""
    let prefix = prefix
    var lines = [
      "ok",
      "profile \(profile.name): \(scorers.isEmpty ? "no scorers" : scorers); \(profile.picker.descriptor.type)\(fallbacks)",
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
