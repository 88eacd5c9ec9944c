import EPPCore
package import EPPScheduling

/// A checked EndpointPickerConfig document.
package struct PickerConfigurationFile: Sendable, Equatable {
  /// The scheduling profiles, and the plugins of whole requests.
  package var scheduler: SchedulerConfiguration
  /// All plugins, in the order of the file.
  package var plugins: [ConfiguredPlugin] = []
  /// The APIs whose bodies are read for a model and a prompt.
  package var parsers = ParserSettings.standard
  /// Path of the endpoints file, from the plugin that `dataLayer.discovery` names; nil when there is none.
  package var endpointsFile: String?
  /// Parts of the document that are accepted and have no effect, one sentence for each.
  package var notes: [String] = []

  /// Returns the settings of one type of all plugins that were given parameters; when there are none, those of all plugins that
  /// have such settings.
  func settings<Settings: PluginSettings>(_ type: Settings.Type) -> [Settings] {
    let able = plugins.filter { $0.settings(type) != nil }
    let configured = able.filter { !$0.arguments.isEmpty }
    return (configured.isEmpty ? able : configured).compactMap { $0.settings(type) }
  }

  /// The settings of the prefix index: the union of the settings of all plugins.
  package var prefix: PrefixSettings {
    let all = settings(PrefixSettings.self)
    return all.dropFirst().reduce(all.first ?? PrefixSettings()) { $0.union($1) }
  }

  /// The settings of the engines' KV events: those of the last plugin, completed by earlier ones. Nil when no plugin uses KV
  /// events.
  package var precise: PreciseCacheSettings? {
    let all = settings(PreciseCacheSettings.self)
    return all.last.map { last in all.dropLast().reversed().reduce(last) { $0.completed(by: $1) } }
  }

  /// The lower-case name of the header with session ids; nil when no plugin sets it.
  package var sessionHeader: String? { settings(SessionSource.self).compactMap(\.headerName).last }

  /// The plugin whose name the metrics of the prefix index have as a label: the first one with prefix settings.
  package var prefixProducer: ConfiguredPlugin? { plugins.first { $0.settings(PrefixSettings.self) != nil } }

  /// Views of the prefix index, by the names of their producers. A view of routed requests alone is restricted to them only
  /// when another view has the engines' KV events; without one it shows the whole index.
  package var prefixViews: [String: PrefixView] {
    let views = plugins.compactMap { plugin in plugin.prefixView.map { (plugin.name, $0) } }
    let hasPrecise = views.contains { !$0.1.isTextAlone }
    return Dictionary(
      views.map { name, view in
        (name, PrefixView(maximumTokens: view.maximumTokens, isTextAlone: hasPrecise && view.isTextAlone))
      },
      uniquingKeysWith: { $1 })
  }

  /// The output of `epp validate` for a valid file: `ok`, then a line for each part.
  package var summary: String {
    let prefix = prefix
    var lines = ["ok"]
    if let handler = scheduler.handler { lines.append("profile handler: \(handler.descriptor.type)") }
    lines += scheduler.profiles.map(Self.text)
    lines += [
      "prefix cache: \(prefix.maximumTokens) tokens of a prompt are looked up; \(prefix.defaultTokens) tokens per engine"
        + (prefix.learnsCacheSize ? " where the engine does not say" : "")
    ]
    if let precise { lines.append("KV events: \(Self.text(precise))") }
    if let endpointsFile { lines.append("endpoints: from \(endpointsFile)") }
    lines += notes.map { "note: \($0)" }
    return lines.joined(separator: "\n")
  }

  private static func text(_ profile: ProfileConfiguration) -> String {
    let scorers = profile.scorers.map { "\($0.plugin.name)=\($0.weight.shortText)" }.joined(separator: ", ")
    let filters = profile.filters.map(\.name).joined(separator: ", ")
    let endpoints = profile.picker.arguments[PickerParameters.maximumEndpoints]
    let fallbacks = endpoints > 1 ? ", up to \(endpoints) endpoints" : ""
    return
      "profile \(profile.name): \(filters.isEmpty ? "" : filters + "; ")\(scorers.isEmpty ? "no scorers" : scorers); "
      + "\(profile.picker.descriptor.type)\(fallbacks)"
  }

  private static func text(_ precise: PreciseCacheSettings) -> String {
    if let address = precise.eventsBind { return "of engines that connect to \(address)" }
    return precise.eventsPort.map { "of every engine at port \($0)" } ?? "of the engines that the endpoints file says"
  }
}
