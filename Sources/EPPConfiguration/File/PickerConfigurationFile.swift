import EPPCore
package import EPPScheduling

/// A checked EndpointPickerConfig document.
package struct PickerConfigurationFile: Sendable, Equatable {
  /// The scheduling profiles, and the plugins of whole requests.
  package var scheduler: SchedulerConfiguration
  /// All plugins, in the order of the file.
  package var plugins: [ConfiguredPlugin] = []
  /// The parsers, in the order in which they are asked.
  package var parsers = ParserSettings.standardPlugins
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

  /// The settings of the pool's prefix index, with the longest prompts of all plugins that have such settings.
  ///
  /// Of several producers the first has the index. Settings of a scorer in an older file count where a producer has none.
  package var prefix: PrefixSettings {
    let producers = plugins.filter { $0.descriptor == PrefixSettings.descriptor }
    let all =
      producers.count > 1 ? producers.compactMap { $0.settings(PrefixSettings.self) } : settings(PrefixSettings.self)
    var result = all.first ?? PrefixSettings()
    result.maximumTokens = all.map(\.maximumTokens).max() ?? result.maximumTokens
    return result
  }

  /// The settings of the engines' KV events: those of the last plugin, completed by earlier ones. Nil when no plugin uses KV
  /// events.
  package var precise: PreciseCacheSettings? {
    let all = settings(PreciseCacheSettings.self)
    return all.last.map { last in all.dropLast().reversed().reduce(last) { $0.completed(by: $1) } }
  }

  /// The lower-case name of the header with session ids; nil when no plugin sets it.
  package var sessionHeader: String? { settings(SessionSource.self).compactMap(\.headerName).last }

  /// The plugin whose name the metrics of the prefix index and of predictions have as a label: the first producer that follows KV
  /// events, else the first one that remembers what was sent where. Nil where the file names none.
  package var prefixProducer: ConfiguredPlugin? {
    let types = [PreciseCacheSettings.descriptor, PrefixSettings.descriptor]
    return types.lazy.compactMap { type in plugins.first { $0.descriptor == type } }.first
  }

  /// The plugin whose name the time to find token ids has as a label. Nil where the file names none.
  package var tokenProducer: ConfiguredPlugin? { plugins.first { $0.descriptor == RenderService.descriptor } }

  /// Views of the prefix index, by the names of their producers.
  ///
  /// A view of routed requests alone is restricted to them only when another view has the engines' KV events; without one it
  /// shows the whole index. A producer that assumes other sizes of caches than the pool's index has an index of its own.
  package var prefixViews: [String: PrefixView] {
    let index = prefix
    let views = plugins.compactMap { plugin in plugin.prefixView.map { (plugin, $0) } }
    let hasPrecise = views.contains { $0.1.source == .index }
    return Dictionary(
      views.map { plugin, view in
        var view = view
        if view.source == .routedText {
          let own = plugin.settings(PrefixSettings.self)
          view.source = own.map { !$0.hasSizes(of: index) } == true ? .ownIndex : hasPrecise ? .routedText : .index
        }
        return (plugin.name, view)
      },
      uniquingKeysWith: { $1 })
  }

  /// The prefix producers that have an index of their own.
  private var ownIndexes: [ConfiguredPlugin] {
    let views = prefixViews
    return plugins.filter { views[$0.name]?.source == .ownIndex }
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
    for producer in ownIndexes {
      let settings = producer.settings(PrefixSettings.self) ?? PrefixSettings()
      lines.append(
        "prefix index of \(producer.name): \(settings.defaultTokens) tokens per engine"
          + (settings.learnsCacheSize ? " where the engine does not say" : ""))
    }
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
    guard let port = precise.eventsPort else { return "of the engines that the endpoints file says" }
    return "of every engine at port \(port)" + (precise.replayPort.map { ", missed ones at port \($0)" } ?? "")
  }
}
