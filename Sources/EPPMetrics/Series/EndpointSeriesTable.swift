/// The series of the endpoints that are in the pool or have just left it.
struct EndpointSeriesTable: Sendable {
  private struct Entry: Sendable {
    var series: EndpointSeries
    /// Whether the last refresh did not find the endpoint in the pool.
    var isMissing = false
  }

  private let families: MetricFamilies
  private let options: PickerMetrics.Options
  private let dropped: Counter
  private var entries: [EndpointSeriesKey: Entry] = [:]
  /// The series of all endpoints beyond the limit.
  private var shared: EndpointSeries?

  /// - Parameter dropped: counts look-ups that ended in the shared series.
  init(families: MetricFamilies, options: PickerMetrics.Options, dropped: Counter) {
    self.families = families
    self.options = options
    self.dropped = dropped
  }

  /// The series of an endpoint, created when there are none; the shared ones beyond the limit.
  mutating func series(of key: EndpointSeriesKey) -> EndpointSeries {
    if let entry = entries[key] { return entry.series }
    guard entries.count >= options.limits.endpoints else {
      let made = EndpointSeries(families: families, options: options, key: key)
      entries[key] = Entry(series: made)
      return made
    }
    dropped.increment()
    if let shared { return shared }
    let made = EndpointSeries(families: families, options: options, key: .other)
    shared = made
    return made
  }

  /// Removes the series of an endpoint from the page.
  mutating func remove(_ key: EndpointSeriesKey) { entries.removeValue(forKey: key)?.series.remove() }

  /// Removes the endpoints that neither this refresh nor the one before found.
  ///
  /// - Parameter present: the endpoints that this refresh found.
  mutating func removeMissing(except present: Set<EndpointSeriesKey>) {
    for (key, entry) in entries {
      let isMissing = !present.contains(key)
      if isMissing, entry.isMissing {
        remove(key)
      } else {
        entries[key]?.isMissing = isMissing
      }
    }
  }
}
