package import EPPCore
package import EPPMetrics
package import EPPPrefixCache
import EPPScheduling

/// A pool of endpoints with all that routes to it: the pipeline of its requests, the ledger of those in flight, the verifier of its
/// caches, and upkeep. Any thread may use it.
package final class RoutedPool: Sendable {
  package let pipeline: RequestPipeline
  package let upkeep: PoolUpkeep
  private let index: PrefixIndex
  private let endpoints: EndpointSeriesTable
  private let verifier: CacheVerifier

  /// - Parameters:
  ///   - source: of the endpoints.
  ///   - index: what is known of their caches.
  ///   - events: who follows engines' events.
  ///   - tokens: where token ids of texts come from; nil matches texts by their bytes alone.
  ///   - clock: the clock of all times that the pipeline is told.
  package init(
    configuration: RoutingConfiguration, source: any PoolSnapshotSource, index: PrefixIndex,
    events: any CacheEventSource = NoCacheEvents(), tokens: (any PromptTokenSource)? = nil, metrics: PickerMetrics,
    decisions: any DecisionSink, clock: @escaping @Sendable () -> MonotonicTime
  ) {
    self.index = index
    endpoints = EndpointSeriesTable(metrics: metrics)
    verifier = CacheVerifier(events: events, tokens: tokens, endpoints: endpoints)
    let producer = configuration.prefixProducer
    let indexSeries = metrics.prefixIndexer(pluginName: producer.name, pluginType: producer.descriptor.type)
    let ledger = RequestLedger(
      source: source, index: index, endpoints: endpoints, verifier: verifier, metrics: metrics,
      indexSeries: indexSeries)
    pipeline = RequestPipeline(
      configuration: configuration, source: source, index: index, tokens: tokens, ledger: ledger, verifier: verifier,
      metrics: metrics, decisions: decisions, clock: clock)
    upkeep = PoolUpkeep(
      pipeline: pipeline, source: source, index: index, verifier: verifier, indexSeries: indexSeries)
  }

  /// An endpoint has left: what is known of its cache goes.
  package func remove(_ endpoint: Endpoint) {
    index.remove(endpoint.slot)
    endpoints.remove(endpoint)
    verifier.remove(endpoint.slot)
  }

  /// An endpoint has appeared, of which an earlier process knew what had been sent there. Before its first pick.
  package func restore(_ snapshot: RoutedSnapshot, to endpoint: Endpoint) {
    // One that has left already, or a file that contradicts itself: nothing is known then.
    try? index.restore(snapshot, to: endpoint.slot)
  }
}
