/// `precise-prefix-cache-scorer`: the precise producer and the prefix scorer in one plugin, for older files.
enum PrecisePrefixCacheScorer {
  static let descriptor = PluginDescriptor(
    "precise-prefix-cache-scorer",
    removal: "use \(PreciseCacheSettings.descriptor.type) and \(PrefixCacheScorer.descriptor.type)",
    "The same as \(PreciseCacheSettings.descriptor.type) and \(PrefixCacheScorer.descriptor.type) together",
    parameters: PreciseCacheSettings.parameters,
    needs: { _, environment in PrefixCacheScorer.descriptor.needs(PluginArguments(), environment) },
    check: PreciseCacheSettings.check,
    migration: { plugin in
      let producer = ConfiguredPlugin(
        PreciseCacheSettings.descriptor, name: "\(plugin.name)-producer", arguments: plugin.arguments)
      var arguments = PluginArguments()
      arguments[PrefixCacheScorer.producer] = producer.name
      return PluginMigration(
        [producer, ConfiguredPlugin(PrefixCacheScorer.descriptor, name: plugin.name, arguments: arguments)],
        "is split into the producer '\(producer.name)' and a \(PrefixCacheScorer.descriptor.type)")
    },
    parts: [
      .scorer { _, environment in PrefixCacheScorer(PluginArguments(), environment) },
      .settings(.producer) { PreciseCacheSettings($0) },
      // Older files name it as the extractor of endpoint notifications.
      .builtIn(.extractor),
    ])
}
