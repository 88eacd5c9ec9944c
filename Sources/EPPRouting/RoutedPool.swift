package import EPPCore
package import EPPMetrics
package import EPPPrefixCache
import EPPScheduling

/// A pool of endpoints with the objects that route to it: the pipeline of requests, the ledger of requests in flight, the
/// verifier of caches, and upkeep. Any thread may use it.
package final class RoutedPool: Sendable {
  /// Routes requests.
  package let pipeline: RequestPipeline
  /// The periodic work, to be run about once a second.
  package let upkeep: PoolUpkeep
  private let index: PrefixIndex
  private let endpoints: EndpointSeriesTable
  private let verifier: CacheVerifier

  /// - Parameters:
  ///   - configuration: the first configuration of routing.
  ///   - source: provides the pool's snapshots.
  ///   - index: the prefix index of the pool.
  ///   - events: follows engines' events.
  ///   - tokens: finds token ids of texts; nil matches texts by their bytes only.
  ///   - metrics: counts requests.
  ///   - decisions: receives decisions for the log.
  ///   - clock: the clock of all times that are passed to the pipeline.
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
    let predictions = metrics.prefixPredictions(pluginName: producer.name, pluginType: producer.descriptor.type)
    let ledger = RequestLedger(
      source: source, index: index, endpoints: endpoints, verifier: verifier, metrics: metrics,
      indexSeries: indexSeries, predictions: predictions)
    pipeline = RequestPipeline(
      configuration: configuration, source: source, index: index, tokens: tokens, ledger: ledger, verifier: verifier,
      metrics: metrics, lookups: events.isFollowing ? metrics.blockLookups() : nil, decisions: decisions, clock: clock)
    upkeep = PoolUpkeep(
      pipeline: pipeline, source: source, index: index, verifier: verifier, indexSeries: indexSeries)
  }

  /// Forgets an endpoint that has left the pool.
  package func remove(_ endpoint: Endpoint) {
    index.remove(endpoint.slot)
    endpoints.remove(endpoint)
    verifier.remove(endpoint.slot)
  }

  /// Restores what an earlier process had routed to an endpoint. To be called before its first pick.
  package func restore(_ snapshot: RoutedSnapshot, to endpoint: Endpoint) {
    // One that has left already, or a file that contradicts itself: nothing is known then.
    try? index.restore(snapshot, to: endpoint.slot)
  }
}
