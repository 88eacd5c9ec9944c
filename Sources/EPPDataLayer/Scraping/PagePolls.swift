import EPPCore
import EPPMetrics
import NIOCore

/// A page of endpoints that is read beside their metrics pages.
package struct PolledPage: Sendable {
  /// How it is read.
  package var page: PageReading
  /// Time from one reading to the next.
  package var interval: Duration
  /// The data source's name in metrics.
  package var source: String
  /// Whether the page is at the address of the pod's node, where that is known.
  package var usesNodeAddress: Bool

  package init(page: PageReading, interval: Duration, source: String, usesNodeAddress: Bool = false) {
    self.page = page
    self.interval = interval
    self.source = source
    self.usesNodeAddress = usesNodeAddress
  }

  /// The address of an endpoint's page.
  func address(of endpoint: Endpoint) -> EndpointAddress {
    var address = endpoint.address
    if usesNodeAddress, let node = endpoint.nodeAddress { address.host = node }
    if let port = page.source.port { address.port = port }
    return address
  }
}

/// Reads one further page of all endpoints on one event loop. Use it on its event loop only.
///
/// A failure is counted and changes nothing else: the values of before stay, and the endpoint stays in use.
final class PagePolls<Reader: PageReader> {
  private let polled: PolledPage
  private let eventLoop: any EventLoop
  private let errors: Counter
  private let makeReader: (Endpoint) -> Reader
  private let record: (Reader.Page, EndpointSlot) -> Void
  private var scrapers: [EndpointSlot: EndpointScraper<Reader>] = [:]
  private var loads: [EndpointSlot: EndpointLoad] = [:]
  private var isStopped = false

  /// - Parameters:
  ///   - makeReader: Makes the reader of an endpoint's pages.
  ///   - record: Takes what was read.
  init(
    _ polled: PolledPage, eventLoop: any EventLoop, metrics: PickerMetrics,
    makeReader: @escaping (Endpoint) -> Reader, record: @escaping (Reader.Page, EndpointSlot) -> Void
  ) {
    self.polled = polled
    self.eventLoop = eventLoop
    self.makeReader = makeReader
    self.record = record
    errors = metrics.pollErrors(of: polled.source)
  }

  /// Starts, restarts or stops the reading of an endpoint that has changed.
  func apply(_ change: EndpointChange) {
    guard !isStopped else { return }
    switch change {
    case .added(let endpoint, let load):
      loads[endpoint.slot] = load
      start(endpoint, load)
    case .updated(let endpoint):
      guard let load = loads[endpoint.slot], scrapers[endpoint.slot]?.address != polled.address(of: endpoint) else {
        return
      }
      scrapers[endpoint.slot]?.stop()
      start(endpoint, load)
    case .removed(let endpoint):
      scrapers.removeValue(forKey: endpoint.slot)?.stop()
      loads[endpoint.slot] = nil
    }
  }

  /// Closes all connections and cancels all timers.
  func stop() {
    isStopped = true
    for scraper in scrapers.values { scraper.stop() }
    scrapers = [:]
  }

  private func start(_ endpoint: Endpoint, _ load: EndpointLoad) {
    let scraper = EndpointScraper(
      endpoint: endpoint, address: polled.address(of: endpoint), page: polled.page, reader: makeReader(endpoint),
      load: load, configuration: ScrapeStateMachine.Configuration(interval: polled.interval), eventLoop: eventLoop
    ) { [unowned self] scraper, result in
      switch result {
      case .success(let scraped): record(scraped.page, scraper.slot)
      case .failure: errors.increment()
      }
    }
    scrapers[endpoint.slot] = scraper
    scraper.start()
  }
}
