/// The gauges of the pool as a whole.
struct PoolGauges: Sendable {
  let averageKVCacheUtilization: Gauge
  let averageQueueSize: Gauge
  let averageRunningRequests: Gauge
  let deviationKVCacheUtilization: Gauge
  let deviationQueueSize: Gauge
  let deviationRunningRequests: Gauge
  let readyEndpoints: Gauge

  init(families: MetricFamilies.PoolFamilies, pool: String) {
    averageKVCacheUtilization = families.averageKVCacheUtilization.cell([pool])
    averageQueueSize = families.averageQueueSize.cell([pool])
    averageRunningRequests = families.averageRunningRequests.cell([pool])
    deviationKVCacheUtilization = families.deviationKVCacheUtilization.cell([pool])
    deviationQueueSize = families.deviationQueueSize.cell([pool])
    deviationRunningRequests = families.deviationRunningRequests.cell([pool])
    readyEndpoints = families.readyEndpoints.cell([pool])
  }
  /// Sets all gauges from the values of a snapshot.
  func set(usage: Spread, waiting: Spread, running: Spread, ready: Int) {
    averageKVCacheUtilization.set(usage.mean)
    averageQueueSize.set(waiting.mean)
    averageRunningRequests.set(running.mean)
    deviationKVCacheUtilization.set(usage.deviation)
    deviationQueueSize.set(waiting.deviation)
    deviationRunningRequests.set(running.deviation)
    readyEndpoints.set(ready)
  }
}

/// Mean and standard deviation in one pass (Welford's method, which keeps its precision when the mean is large).
struct Spread {
  private(set) var count = 0
  private(set) var mean = 0.0
  private var squares = 0.0

  mutating func add(_ value: Double) {
    count += 1
    let difference = value - mean
    mean += difference / Double(count)
    squares += difference * (value - mean)
  }

  /// The population standard deviation; 0 when there are no values.
  var deviation: Double { count > 0 ? (squares / Double(count)).squareRoot() : 0 }
}
