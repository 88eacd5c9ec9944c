/// Parameters by which plugins name the data producers that they read.
package enum ProducerParameters {
  /// The prefix producer whose matches count; none means the whole index.
  package static let prefixMatch = TypedParameter<String?>.reference(
    "prefixMatchInfoProducerName", to: .producer, "The prefix producer whose matches count")
  /// Has no effect.
  static let inFlightLoad = PluginParameter(
    "inFlightLoadProducerName", .ignored(because: nil), "Has no effect: there is one count")
}
