package import EPPCore
import Synchronization

/// The series of the endpoints that are in the pool, or were until a moment ago.
struct EndpointSeriesTable: Sendable {
  struct Entry: Sendable {
    var series: EndpointSeries
    /// Whether the last refresh did not find the endpoint in the pool.
    var isMissing = false
  }

  var entries: [EndpointSeriesKey: Entry] = [:]
  /// What all endpoints beyond the limit write to.
  var shared: EndpointSeries?

  /// Forgets the endpoints that this refresh and the one before did not find.
  mutating func removeMissing(except present: Set<EndpointSeriesKey>) {
    for (key, entry) in entries {
      let isMissing = !present.contains(key)
      if isMissing, entry.isMissing {
        entries.removeValue(forKey: key)?.series.remove()
      } else {
        entries[key]?.isMissing = isMissing
      }
    }
  }
}

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
}

extension PickerMetrics {
  /// The series of an endpoint, made when there is none: to be kept for as long as the endpoint is in the pool.
  ///
  /// Beyond the limit on endpoints they share one named `other`.
  package func endpointSeries(for endpoint: Endpoint) -> EndpointSeries {
    endpoints.withLock { table in series(of: EndpointSeriesKey(endpoint), in: &table) }
  }

  /// Takes the series of an endpoint off the page; for an owner that knows of its going before `refreshPool` does.
  package func removeEndpointSeries(for endpoint: Endpoint) {
    endpoints.withLock { table in
      table.entries.removeValue(forKey: EndpointSeriesKey(endpoint))?.series.remove()
    }
  }

  /// Brings the gauges of the pool and of its endpoints up to a snapshot; called before a page is written.
  ///
  /// Means and deviations (of the population) are over the endpoints whose page is fresh, and zero when there is none.
  /// An endpoint that two refreshes in a row do not find loses its series: one refresh may hold a snapshot older than
  /// the one that brought the endpoint.
  package func refreshPool(_ snapshot: PoolSnapshot, now: MonotonicTime) {
    var ready = 0
    var usage = Spread()
    var waiting = Spread()
    var running = Spread()
    endpoints.withLock { table in
      var present: Set<EndpointSeriesKey> = []
      for member in snapshot.members {
        let key = EndpointSeriesKey(member.endpoint)
        present.insert(key)
        let series = series(of: key, in: &table)
        series.queueSize.set(member.metrics.waitingRequests)
        series.stale.set(member.isStale ? 1 : 0)
        series.refusing.set(member.refusesConnections ? 1 : 0)
        series.missingFamilies.set(member.metrics.missing.count)
        if let scrapedAt = member.metrics.scrapedAt {
          series.scrapeAge.set(Double(now.nanoseconds - min(now.nanoseconds, scrapedAt.nanoseconds)) / 1e9)
        }
        guard !member.isStale else { continue }
        ready += 1
        if !member.lacks(.kvCacheUsage) { usage.add(member.metrics.kvCacheUsage) }
        if !member.lacks(.waitingRequests) { waiting.add(Double(member.metrics.waitingRequests)) }
        if !member.lacks(.runningRequests) { running.add(Double(member.metrics.runningRequests)) }
      }
      table.removeMissing(except: present)
    }
    pool.averageKVCacheUtilization.set(usage.mean)
    pool.averageQueueSize.set(waiting.mean)
    pool.averageRunningRequests.set(running.mean)
    pool.deviationKVCacheUtilization.set(usage.deviation)
    pool.deviationQueueSize.set(waiting.deviation)
    pool.deviationRunningRequests.set(running.deviation)
    pool.readyEndpoints.set(ready)
  }

  private func series(of key: EndpointSeriesKey, in table: inout EndpointSeriesTable) -> EndpointSeries {
    if let entry = table.entries[key] { return entry.series }
    guard table.entries.count >= options.limits.endpoints else {
      let made = EndpointSeries(families: families, options: options, key: key)
      table.entries[key] = EndpointSeriesTable.Entry(series: made)
      return made
    }
    seriesDropped.increment()
    if let shared = table.shared { return shared }
    let made = EndpointSeries(families: families, options: options, key: .other)
    table.shared = made
    return made
  }
}

/// Mean and standard deviation in one pass (Welford's method, which does not lose digits to large means).
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

  /// Of the population; zero when it is empty.
  var deviation: Double { count > 0 ? (squares / Double(count)).squareRoot() : 0 }
}
