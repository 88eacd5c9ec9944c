import EPPCore
import EPPMetrics
import NIOCore

/// The scrapers of all endpoints on one event loop, and the timer that publishes their results as snapshots.
///
/// Use it on its event loop only.
final class ScrapeLoop: NIOScheduledCallbackHandler {
  private let eventLoop: any EventLoop
  private let configuration: ScrapeStateMachine.Configuration
  private let page: PageReading
  private let layouts: EnginePageLayouts
  private let store: EndpointStore
  private let pollErrors: Counter
  private let extractErrors: Counter
  /// Called after each failed scrape of an endpoint that counts as unreachable: its host name may have another address.
  private let noteUnreachable: () -> Void

  private var scrapers: [EndpointSlot: EndpointScraper<MetricsPageScanner>] = [:]
  private var loads: [EndpointSlot: EndpointLoad] = [:]
  /// Endpoints whose first scrape has not ended.
  private var unattempted: Set<EndpointSlot> = []
  private var whenAttempted: [() -> Void] = []
  private var plannedPublication: (time: MonotonicTime, callback: NIOScheduledCallback)?
  private var isStopped = false

  init(
    eventLoop: any EventLoop, configuration: ScrapeStateMachine.Configuration, page: PageReading,
    engines: EngineMetricSettings, store: EndpointStore, metrics: PickerMetrics, noteUnreachable: @escaping () -> Void
  ) {
    self.eventLoop = eventLoop
    self.configuration = configuration
    self.page = page
    layouts = EnginePageLayouts(engines)
    self.store = store
    self.noteUnreachable = noteUnreachable
    pollErrors = metrics.pollErrors()
    extractErrors = metrics.extractErrors()
  }

  /// Starts, restarts or stops the scraper of an endpoint that has changed.
  func apply(_ change: EndpointChange) {
    guard !isStopped else { return }
    switch change {
    case .added(let endpoint, let load):
      loads[endpoint.slot] = load
      unattempted.insert(endpoint.slot)
      startScraper(of: endpoint, load)
    case .updated(let endpoint):
      guard let load = loads[endpoint.slot], let scraper = scrapers[endpoint.slot],
        scraper.address != endpoint.metricsAddress || scraper.reader.layout !== layouts.layout(of: endpoint)
      else { return }
      scraper.stop()
      startScraper(of: endpoint, load)
    case .removed(let endpoint):
      scrapers.removeValue(forKey: endpoint.slot)?.stop()
      loads[endpoint.slot] = nil
      noteAttempt(endpoint.slot)
    }
  }

  /// Calls `body` once no endpoint is left whose first scrape has not ended; at the latest from `stop`.
  func afterFirstAttempts(_ body: @escaping () -> Void) {
    if unattempted.isEmpty { body() } else { whenAttempted.append(body) }
  }

  /// Closes all connections and cancels all timers.
  func stop() {
    isStopped = true
    for scraper in scrapers.values { scraper.stop() }
    scrapers = [:]
    plannedPublication?.callback.cancel()
    plannedPublication = nil
    tellAttempted()
  }

  func handleScheduledCallback(eventLoop: some EventLoop) {
    plannedPublication = nil
    planPublication(store.publishIfDue())
  }

  private func startScraper(of endpoint: Endpoint, _ load: EndpointLoad) {
    let scraper = EndpointScraper(
      endpoint: endpoint, address: endpoint.metricsAddress, page: page,
      reader: MetricsPageScanner(layouts.layout(of: endpoint)), load: load, configuration: configuration,
      eventLoop: eventLoop
    ) { [unowned self] scraper, result in finished(scraper, result) }
    scrapers[endpoint.slot] = scraper
    scraper.start()
  }

  private func finished(
    _ scraper: EndpointScraper<MetricsPageScanner>,
    _ result: Result<EndpointScraper<MetricsPageScanner>.ScrapedPage, ScrapeError>
  ) {
    switch result {
    case .success(let scraped):
      store.record(scraped.page, for: scraper.slot, startedAt: scraped.startedAt, dispatched: scraped.dispatched)
      planPublication()
    case .failure(let error):
      (error.isExtraction ? extractErrors : pollErrors).increment()
      if store.recordFailure(error, for: scraper.slot) { noteUnreachable() }
      planPublication()
    }
    noteAttempt(scraper.slot)
  }

  private func noteAttempt(_ slot: EndpointSlot) {
    guard !unattempted.isEmpty else { return }
    unattempted.remove(slot)
    if unattempted.isEmpty { tellAttempted() }
  }

  private func tellAttempted() {
    let bodies = whenAttempted
    whenAttempted = []
    for body in bodies { body() }
  }

  /// Publishes when no scrape is in flight any more, so that endpoints scraped together are published together. A slow endpoint
  /// delays the others by one publication interval at most.
  private func planPublication() {
    if scrapers.values.contains(where: { $0.isWaiting }) {
      planPublication(MonotonicTime.now().advanced(by: store.configuration.publishInterval))
    } else {
      planPublication(store.publishIfDue())
    }
  }

  private func planPublication(_ time: MonotonicTime?) {
    guard let time, !isStopped else { return }
    if let planned = plannedPublication {
      guard time < planned.time else { return }
      planned.callback.cancel()
    }
    guard
      let callback = try? eventLoop.assumeIsolated().scheduleCallback(
        at: .uptimeNanoseconds(time.nanoseconds), handler: self)
    else { return }
    plannedPublication = (time, callback)
  }
}
