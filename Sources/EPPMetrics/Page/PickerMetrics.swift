package import EPPCore
import Synchronization

/// All metrics of the product: typed handles to write, one page to read.
///
/// Every method may be called from any thread. Handles are looked up once and kept where writing is frequent.
package final class PickerMetrics: Sendable {
  /// What is written on the page beside the counts.
  package struct Options: Sendable {
    /// Whether the older metric names are written too (`--legacy-metrics`).
    package var legacyMetrics = true
    /// Whether the `llm_d_epp_extproc_*` families are written (`--enable-grpc-stream-metrics`).
    package var streamMetrics = false
    /// The `name` label of the pool's gauges.
    package var poolName = "default"
    /// The `commit` and `build_ref` labels of `llm_d_epp_info`.
    package var commit = "unknown"
    package var buildReference = "unknown"
    /// Plugin types in labels.
    package var pluginLabels = PluginLabels()
    package var limits = SeriesLimits()

    package init() {}
  }

  /// The plugin types that do what this process always does, as labels of its series.
  package struct PluginLabels: Sendable {
    /// `producer_name` of `llm_d_epp_inflight_*`.
    package var loadProducer = ""
    /// `source_type` and `extractor_type` of `llm_d_epp_datalayer_*`.
    package var dataSource = ""
    package var extractor = ""

    package init() {}
  }

  /// How much memory label values may take.
  package struct SeriesLimits: Sendable {
    /// Distinct models, of client and target together; llm-d's number.
    package var models = 1000
    /// Distinct fairness ids; llm-d's number.
    package var fairnessIDs = 1000
    /// Combinations of model, target model, fairness id and priority; each takes about 6 KB here and up to 45 KB of
    /// the page.
    package var requestSeries = 1000
    /// Target models counted for one endpoint.
    package var modelsPerEndpoint = 100
    /// Combinations of fairness id and priority counted for one endpoint.
    package var flightsPerEndpoint = 100
    /// Endpoints.
    package var endpoints = 2 * EndpointSlot.capacity
    /// Series of any one family.
    package var seriesPerFamily = 20_000

    package init() {}
  }

  /// `llm_d_epp_scheduler_e2e_duration_seconds`.
  package let schedulerDuration: Histogram
  /// `llm_d_epp_request_processing_duration_seconds`.
  package let requestProcessing: Histogram
  /// `llm_d_epp_response_processing_duration_seconds`.
  package let responseProcessing: Histogram
  /// `llm_d_epp_extproc_streams_inflight`.
  package let streamsInFlight: Gauge
  /// `llm_d_epp_extproc_stream_duration_seconds`.
  package let streamDuration: Histogram
  /// `epp_session_affinity_total`.
  package let sessionAffinity: SessionAffinityCounters
  /// `epp_buffered_body_bytes`: add what is taken, and the same with a minus sign when it is given back.
  package let bufferedBodyBytes: Gauge
  /// The threads that serve gRPC.
  package let transport: TransportSeries
  /// `epp_metrics_series_dropped_total`.
  package let seriesDropped: Counter

  /// What the gRPC transport says of itself.
  package struct TransportSeries: Sendable {
    /// `epp_grpc_writes_gathered`: 1 or 0.
    package let writesGathered: Gauge
    /// `epp_grpc_write_hold_seconds`.
    package let writeHold: Histogram
    /// `epp_grpc_unsent_waits_total`.
    package let unsentWaits: Counter
    /// `epp_grpc_workers_active`.
    package let activeWorkers: Gauge
  }

  /// Requests with a session, by whether they went where the session was.
  package struct SessionAffinityCounters: Sendable {
    /// The session was placed for the first time.
    package let new: Counter
    /// The request went where the session was.
    package let kept: Counter
    /// The request went elsewhere.
    package let moved: Counter
  }

  let families: MetricFamilies
  let options: Options
  let pool: PoolGauges
  private let endpoints: Mutex<EndpointSeriesTable>
  private let requestSeries: Mutex<RequestSeriesTable>

  package init(options: Options = Options()) {
    let families = MetricFamilies(seriesLimits: options.limits)
    self.families = families
    self.options = options
    pool = PoolGauges(families: families.pool, pool: options.poolName)
    let seriesDropped = families.seriesDropped.cell([])
    self.seriesDropped = seriesDropped
    endpoints = Mutex(EndpointSeriesTable(families: families, options: options, dropped: seriesDropped))
    requestSeries = Mutex(RequestSeriesTable(limits: options.limits))
    schedulerDuration = families.schedulerDuration.cell([])
    requestProcessing = families.requestProcessing.cell([])
    responseProcessing = families.responseProcessing.cell([])
    streamsInFlight = families.streamsInFlight.cell([])
    streamDuration = families.streamDuration.cell([])
    sessionAffinity = SessionAffinityCounters(
      new: families.sessionAffinity.cell(["new"]), kept: families.sessionAffinity.cell(["kept"]),
      moved: families.sessionAffinity.cell(["moved"]))
    bufferedBodyBytes = families.bufferedBodyBytes.cell([])
    transport = TransportSeries(
      writesGathered: families.writesGathered.cell([]), writeHold: families.writeHold.cell([]),
      unsentWaits: families.unsentWaits.cell([]), activeWorkers: families.activeWorkers.cell([]))
    families.info.cell([options.commit, options.buildReference]).set(1)
    for reason in Rejection.DroppedReason.allCases { _ = families.rejections.cell([reason.rawValue]) }
  }

  /// The series of a request: one look-up under a lock, without an allocation once the series is there.
  package func requestSeries(model: String, targetModel: String, fairnessID: String, priority: Int) -> RequestSeries {
    // Longer values are never keys, and are not worth hashing.
    let isShort =
      model.utf8.count <= LabelValue.maximumBytes && targetModel.utf8.count <= LabelValue.maximumBytes
      && fairnessID.utf8.count <= LabelValue.maximumBytes
    return requestSeries.withLock { table in
      if isShort,
        let series = table.existing(
          model: model, targetModel: targetModel, fairnessID: fairnessID, priority: priority)
      {
        return series
      }
      return table.series(
        model: LabelValue.cleaned(model), targetModel: LabelValue.cleaned(targetModel),
        fairnessID: LabelValue.cleaned(fairnessID), priority: priority, families: families, dropped: seriesDropped)
    }
  }

  /// Counts an attempt that found no endpoint: `llm_d_epp_scheduler_attempts_total{status="failure"}`.
  ///
  /// Only models that requests were routed for are named: a pool without endpoints lets anybody invent others.
  package func countFailedAttempt(targetModel: String) {
    let isKnown = requestSeries.withLock { $0.knows(model: targetModel) }
    families.schedulerAttempts.cell(["failure", isKnown ? targetModel : LabelValue.other, "", "", ""]).increment()
  }

  /// Counts a request that was answered instead of routed: `epp_rejections_total`, by the reason that the client is
  /// told, else by the name of the status.
  package func countRejection(_ rejection: Rejection) {
    families.rejections.cell([rejection.reason?.rawValue ?? rejection.status.code]).increment()
  }

  /// `llm_d_epp_plugin_duration_seconds` of one plugin at one extension point, such as `Scorer`.
  package func pluginDuration(extensionPoint: String, type: String, name: String) -> Histogram {
    families.pluginDuration.cell([extensionPoint, type, name])
  }

  /// `llm_d_epp_datalayer_poll_errors_total`: pages of engines that could not be had.
  package func pollErrors() -> Counter { families.pollErrors.cell([options.pluginLabels.dataSource]) }

  /// `llm_d_epp_datalayer_extract_errors_total`: pages of engines that could not be read.
  package func extractErrors() -> Counter {
    families.extractErrors.cell([options.pluginLabels.dataSource, options.pluginLabels.extractor])
  }

  /// The metrics of a prefix index.
  package struct PrefixIndexerSeries: Sendable {
    /// `llm_d_epp_prefix_indexer_size`: blocks.
    package let size: Gauge
    /// `llm_d_epp_prefix_indexer_hit_ratio`: share of a prompt that was found.
    package let hitRatio: Histogram
    /// `llm_d_epp_prefix_indexer_hit_bytes`: bytes of a prompt that were found.
    package let hitBytes: Histogram
    /// `epp_prefix_index_blocks`: different blocks.
    package let blocks: Gauge
    /// `epp_prefix_index_bytes`.
    package let bytes: Gauge
    /// `epp_prefix_index_refusals_total`.
    package let refusals: Counter
  }

  /// The metrics of the prefix index that a plugin keeps.
  package func prefixIndexer(pluginName: String, pluginType: String) -> PrefixIndexerSeries {
    let labels = [pluginName, pluginType]
    return PrefixIndexerSeries(
      size: families.prefixIndexerSize.cell(labels), hitRatio: families.prefixIndexerHitRatio.cell(labels),
      hitBytes: families.prefixIndexerHitBytes.cell(labels), blocks: families.prefixIndexBlocks.cell([]),
      bytes: families.prefixIndexBytes.cell([]), refusals: families.prefixIndexRefusals.cell([]))
  }

  /// `llm_d_epp_extproc_streams_total` for a gRPC status, 0...16; any other number counts as Unknown.
  package func streams(status: Int) -> Counter {
    let names = Self.statusNames
    return families.streams.cell([names.indices.contains(status) ? names[status] : "Unknown"])
  }

  /// gRPC statuses by number, written as the Go library writes them.
  private static let statusNames = [
    "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
    "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
    "Internal", "Unavailable", "DataLoss", "Unauthenticated",
  ]
}

// MARK: - The pool and its endpoints

extension PickerMetrics {
  /// The series of an endpoint, made when there is none: to be kept for as long as the endpoint is in the pool.
  ///
  /// Beyond the limit on endpoints they share one named `other`.
  package func endpointSeries(for endpoint: Endpoint) -> EndpointSeries {
    endpoints.withLock { $0.series(of: EndpointSeriesKey(endpoint)) }
  }

  /// Takes the series of an endpoint off the page; for an owner that knows of its going before `refreshPool` does.
  package func removeEndpointSeries(for endpoint: Endpoint) {
    endpoints.withLock { $0.remove(EndpointSeriesKey(endpoint)) }
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
        let series = table.series(of: key)
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
    pool.set(usage: usage, waiting: waiting, running: running, ready: ready)
  }
}

// MARK: - The page

extension PickerMetrics {
  /// The media type of `page()`.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// All metrics in the Prometheus text format, families in the order of their names. Writers are not held up.
  package func page() -> [UInt8] {
    var writer = MetricsTextWriter(reservingBytes: 64 * 1024)
    for entry in pageEntries() {
      let family = families.all[entry.family]
      let series = family.read()
      let descriptor = family.descriptor
      guard let alias = entry.alias else {
        writer.write(
          name: descriptor.name, help: descriptor.help, kind: descriptor.kind,
          labels: descriptor.labels.map(\.rawValue), series: series)
        continue
      }
      writer.write(
        name: alias.name, help: "[ALPHA] Older name of \(descriptor.name).", kind: descriptor.kind,
        labels: alias.labelNames(of: descriptor.labels),
        series: alias.series(of: series, labels: descriptor.labels))
    }
    return writer.bytes
  }

  private struct PageEntry {
    var name: String
    var family: Int
    var alias: MetricAlias?
  }

  private func pageEntries() -> [PageEntry] {
    var entries: [PageEntry] = []
    for (index, family) in families.all.enumerated() {
      let name = family.descriptor.name
      if !options.streamMetrics, name.hasPrefix("llm_d_epp_extproc_") { continue }
      entries.append(PageEntry(name: name, family: index, alias: nil))
      guard options.legacyMetrics else { continue }
      for alias in MetricAlias.all where alias.family == name {
        entries.append(PageEntry(name: alias.name, family: index, alias: alias))
      }
    }
    return entries.sorted { $0.name < $1.name }
  }
}
