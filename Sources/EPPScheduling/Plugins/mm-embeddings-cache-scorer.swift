import EPPCore

/// `mm-embeddings-cache-scorer`: the share of the request's images, sounds and films that the endpoint's encoder has computed
/// before, each item once; 0 for a request without any.
package struct EncoderCacheScorer: Scorer {
  private static let producer = TypedParameter<String?>.reference(
    "producerName", to: .producer, "The producer that remembers the items; the first of its type where it is not given")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "mm-embeddings-cache-scorer", "Prefers endpoints that have encoded the request's images, sounds and films before",
    parameters: [producer.declaration], implied: { EncoderCache.descriptor },
    parts: [.scorer { EncoderCacheScorer($0, $1) }])

  /// Nil where no producer remembers anything, which no configuration file makes: there is no opinion then.
  private let cache: EncoderCache?

  private init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    cache = environment.producer(named: arguments[Self.producer], EncoderCache.self)
  }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    cache?.shares(context, into: scores)
  }
}
