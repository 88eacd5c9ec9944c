/// A number of an engine's page that is kept per series.
enum EngineFamily: Int, CaseIterable {
  case waitingRequests
  /// Requests that wait in a server around the engine; read only where `waitingRequests` is absent.
  case pendingRequests
  case runningRequests
  case kvCacheUsage
  /// The name of `kvCacheUsage` before vLLM V1; read only where `kvCacheUsage` is absent.
  case kvCacheUsageOld
  case cacheBlocks
  case queriedTokens
  case queriedTokensOld
  case hitTokens
  case hitTokensOld
  /// Start time of the engine's process. Other programs export this family too, so it does not identify an engine's page.
  case processStartTime
}
