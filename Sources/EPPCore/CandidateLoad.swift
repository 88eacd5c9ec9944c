/// An endpoint's load at the pick, with requests of this process that no scrape shows yet.
package struct CandidateLoad: Sendable, Equatable {
  /// Requests in the waiting queue.
  package var queueDepth: Int
  /// Requests in the running batch.
  package var runningRequests: Int
  /// Share of the KV cache in use, 0...1.
  package var kvCacheUsage: Double
  /// Requests of this process that have not ended, and their tokens that are not computed.
  package var inFlight: EndpointLoad.InFlight

  /// A load with given values.
  package init(
    queueDepth: Int, runningRequests: Int, kvCacheUsage: Double,
    inFlight: EndpointLoad.InFlight = EndpointLoad.InFlight()
  ) {
    self.queueDepth = queueDepth
    self.runningRequests = runningRequests
    self.kvCacheUsage = kvCacheUsage
    self.inFlight = inFlight
  }
}
