/// What stands in the place of a plugin of an older configuration file in the newest form.
package struct PluginMigration: Sendable, Equatable {
  /// The plugins, of which the one with the old plugin's name does its work. Empty for a plugin that is not needed any more: what
  /// refers to it is left out too.
  package var plugins: [ConfiguredPlugin]
  /// What changed, in a sentence without a full stop that begins with a verb.
  package var change: String

  package init(_ plugins: [ConfiguredPlugin], _ change: String) {
    self.plugins = plugins
    self.change = change
  }
}
