package import EPPCore
import Synchronization

/// All metrics of the product: handles to write values, and a page to read them.
///
/// Any thread may call every method. Frequent writers look up a handle once and keep it.
package final class PickerMetrics: Sendable {
  /// Settings of the metrics page.
  package struct Options: Sendable {
    /// Whether the older metric names are also written (`--legacy-metrics`).
    package var legacyMetrics = true
    /// Whether the `llm_d_epp_extproc_*` families are written (`--enable-grpc-stream-metrics`).
    package var streamMetrics = false
    /// The `name` label of the pool's gauges.
    package var poolName = "default"
    /// The `commit` label of `llm_d_epp_info`.
    package var commit = "unknown"
    /// The `build_ref` label of `llm_d_epp_info`.
    package var buildReference = "unknown"
    /// The plugin types that appear as label values.
    package var pluginLabels = PluginLabels()
    /// Limits on the number of label values and series.
    package var limits = SeriesLimits()

    package init() {}
  }

  /// Plugin types of built-in functions, used as label values.
  package struct PluginLabels: Sendable {
    /// `producer_name` of `llm_d_epp_inflight_*`.
    package var loadProducer = ""
    /// `source_type` of `llm_d_epp_datalayer_*`.
    package var dataSource = ""
    /// `extractor_type` of `llm_d_epp_datalayer_extract_errors_total`.
    package var extractor = ""

    package init() {}
  }

  /// Limits on the number of label values and series, which bound the memory they take.
  package struct SeriesLimits: Sendable {
    /// Distinct model names, the client's and the target models together. llm-d's default.
    package var models = 1000
    /// Distinct fairness ids. llm-d's default.
    package var fairnessIDs = 1000
    /// Combinations of model, target model, fairness id and priority. Each takes about 6 KB of memory and up to 45 KB of the
    /// page.
    package var requestSeries = 1000
    /// Target models counted for one endpoint.
    package var modelsPerEndpoint = 100
    /// Combinations of fairness id and priority counted for one endpoint.
    package var flightsPerEndpoint = 100
    /// Endpoints with series of their own.
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
  /// `epp_buffered_body_bytes`: bytes of request bodies held in memory. Set when the page is written.
  package let bufferedBodyBytes: Gauge
  /// Series of the gRPC worker threads.
  package let transport: TransportSeries
  /// `epp_metrics_series_dropped_total`.
  package let seriesDropped: Counter

  /// Series of the gRPC transport.
  package struct TransportSeries: Sendable {
    /// `epp_grpc_writes_gathered`: 1 while the answers to one gateway connection are gathered into one packet, else 0.
    package let writesGathered: Gauge
    /// `epp_grpc_write_hold_seconds`.
    package let writeHold: Histogram
    /// `epp_grpc_unsent_waits_total`.
    package let unsentWaits: Counter
    /// `epp_grpc_workers_active`.
    package let activeWorkers: Gauge
  }

  let families: MetricFamilies
  let options: Options
  /// The gauges of the pool as a whole.
  let pool: PoolGauges
  private let endpoints: Mutex<EndpointSeriesTable>
  private let requestSeries: Mutex<RequestSeriesTable>

  /// Creates all families and those series that have no variable labels.
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
    bufferedBodyBytes = families.bufferedBodyBytes.cell([])
    transport = TransportSeries(
      writesGathered: families.writesGathered.cell([]), writeHold: families.writeHold.cell([]),
      unsentWaits: families.unsentWaits.cell([]), activeWorkers: families.activeWorkers.cell([]))
    families.info.cell([options.commit, options.buildReference]).set(1)
    for reason in Rejection.DroppedReason.allCases { _ = families.rejections.cell([reason.rawValue]) }
  }

  /// The series of a request. Takes a lock; does not allocate for a known combination of labels.
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

  /// Counts a scheduling attempt that found no endpoint: `llm_d_epp_scheduler_attempts_total{status="failure"}`.
  ///
  /// A model without routed requests is counted as `other`: clients of a pool without endpoints could otherwise create any
  /// number of series.
  package func countFailedAttempt(targetModel: String) {
    families.schedulerAttempts.cell(["failure", knownModel(targetModel), "", "", ""]).increment()
  }

  /// Counts a request whose model was replaced by a rule: `llm_d_epp_model_rewrite_decisions_total`. To be called after
  /// `requestSeries`, which admits the models' names as label values.
  package func countRewrite(by rule: String, model: String, targetModel: String) {
    families.modelRewrites.cell([LabelValue.cleaned(rule), knownModel(model), knownModel(targetModel)]).increment()
  }

  /// The name of a model that is a label value of routed requests, else `other`.
  package func knownModel(_ model: String) -> String {
    requestSeries.withLock { $0.knows(model: model) } ? model : LabelValue.other
  }

  /// Counts a rejected request: `epp_rejections_total`, by the dropped reason, else by the name of the status.
  package func countRejection(_ rejection: Rejection) {
    families.rejections.cell([rejection.reason?.rawValue ?? rejection.status.code]).increment()
  }

  /// `llm_d_epp_plugin_duration_seconds` of one plugin at one extension point, such as `Scorer`.
  package func pluginDuration(extensionPoint: String, type: String, name: String) -> Histogram {
    families.pluginDuration.cell([extensionPoint, type, name])
  }

  /// `llm_d_epp_datalayer_poll_errors_total`: metrics pages of engines that could not be fetched.
  package func pollErrors() -> Counter { pollErrors(of: options.pluginLabels.dataSource) }

  /// Returns the counter of failed readings of a data source's pages.
  package func pollErrors(of source: String) -> Counter { families.pollErrors.cell([source]) }

  /// `llm_d_epp_datalayer_extract_errors_total`: metrics pages of engines that could not be parsed.
  package func extractErrors() -> Counter {
    families.extractErrors.cell([options.pluginLabels.dataSource, options.pluginLabels.extractor])
  }

  /// The series of a prefix index.
  package struct PrefixIndexerSeries: Sendable {
    /// `llm_d_epp_prefix_indexer_size`: blocks.
    package let size: Gauge
    /// `llm_d_epp_prefix_indexer_hit_ratio`: the matched share of a prompt.
    package let hitRatio: Histogram
    /// `llm_d_epp_prefix_indexer_hit_bytes`: the matched bytes of a prompt.
    package let hitBytes: Histogram
    /// `epp_prefix_index_blocks`: distinct blocks.
    package let blocks: Gauge
    /// `epp_prefix_index_bytes`: memory of the index.
    package let bytes: Gauge
    /// `epp_prefix_index_limit_bytes`: the most memory that the index may take.
    package let limit: Gauge
    /// `epp_prefix_index_refusals_total`: entries that were not stored for lack of memory or time.
    package let refusals: Counter
  }

  /// The series of the prefix index that belongs to a plugin.
  package func prefixIndexer(pluginName: String, pluginType: String) -> PrefixIndexerSeries {
    let labels = [pluginName, pluginType]
    return PrefixIndexerSeries(
      size: families.prefixIndexerSize.cell(labels), hitRatio: families.prefixIndexerHitRatio.cell(labels),
      hitBytes: families.prefixIndexerHitBytes.cell(labels), blocks: families.prefixIndexBlocks.cell([]),
      bytes: families.prefixIndexBytes.cell([]), limit: families.prefixIndexLimit.cell([]),
      refusals: families.prefixIndexRefusals.cell([]))
  }

  /// `llm_d_epp_extproc_streams_total` for a gRPC status, 0...16; any other number counts as Unknown.
  package func streams(status: Int) -> Counter {
    let names = Self.statusNames
    return families.streams.cell([names.indices.contains(status) ? names[status] : "Unknown"])
  }

  /// Names of the gRPC statuses 0...16, in the spelling of grpc-go.
  private static let statusNames = [
    "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
    "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
    "Internal", "Unavailable", "DataLoss", "Unauthenticated",
  ]
}

// MARK: - The pool and its endpoints

extension PickerMetrics {
  /// The series of an endpoint, created when there are none; kept by callers for as long as the endpoint is in the pool.
  ///
  /// Endpoints beyond the limit share series named `other`.
  package func endpointSeries(for endpoint: Endpoint) -> EndpointSeries {
    endpoints.withLock { $0.series(of: EndpointSeriesKey(endpoint)) }
  }

  /// Removes the series of an endpoint from the page, when its removal from the pool is known before the next `refreshPool`.
  package func removeEndpointSeries(for endpoint: Endpoint) {
    endpoints.withLock { $0.remove(EndpointSeriesKey(endpoint)) }
  }

  /// Sets the gauges of the pool and of its endpoints from a snapshot. Called before a page is written.
  ///
  /// Means and population standard deviations are over the endpoints with a fresh page, and 0 when there is none. An endpoint
  /// loses its series when two consecutive refreshes do not find it: one refresh may use a snapshot that is older than the
  /// endpoint.
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

  /// All metrics in the Prometheus text format, families in the order of their names. Does not block writers of values.
  ///
  /// - Parameter process: what the process has used; nil where nobody has read it.
  package func page(of process: ProcessUsage? = nil) -> [UInt8] {
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
    if let process { writer.write(process) }
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
