import EPPCore
import NIOCore
import NIOPosix
import NIOSSL

/// Reads a page of one endpoint over one connection, again and again: performs the actions of a `ScrapeStateMachine`.
///
/// Use it on its event loop only. It uses no HTTP library: the request is constant, and the response is parsed and scanned in
/// the buffer that it was read into.
final class EndpointScraper<Reader: PageReader>: NIOScheduledCallbackHandler, ScrapeConnectionUser {

  let slot: EndpointSlot
  /// The address that is connected to.
  let address: EndpointAddress
  /// Reads the page.
  private(set) var reader: Reader
  private let load: EndpointLoad
  private let eventLoop: any EventLoop
  private let certificates: PageCertificates?
  private let timeout: TimeAmount
  private let request: ByteBuffer
  private let report: (EndpointScraper, Result<ScrapedPage, ScrapeError>) -> Void

  private var machine: ScrapeStateMachine
  private var parser = HTTPResponseParser()
  private var connection: ScrapeConnection?
  /// Number of the current attempt to connect; the completion of an older attempt is ignored.
  private var attempt: UInt64 = 0
  private var status = 0
  private var startedAt = MonotonicTime(nanoseconds: 0)
  private var dispatched = EndpointLoad.Totals()
  private var nextTick: NIOScheduledCallback?

  /// The result of a successful scrape.
  struct ScrapedPage {
    /// The values of the page.
    var page: Reader.Page
    /// When the request was sent.
    var startedAt: MonotonicTime
    /// Totals of the endpoint's load when the request was sent; requests dispatched later cannot be counted on the page.
    var dispatched: EndpointLoad.Totals
  }

  /// - Parameter address: The address that is connected to.
  init(
    endpoint: Endpoint, address: EndpointAddress, page: PageReading, reader: Reader, load: EndpointLoad,
    configuration: ScrapeStateMachine.Configuration, eventLoop: any EventLoop,
    report: @escaping (EndpointScraper, Result<ScrapedPage, ScrapeError>) -> Void
  ) {
    slot = endpoint.slot
    self.address = address
    self.reader = reader
    certificates = page.certificates
    self.load = load
    self.eventLoop = eventLoop
    self.report = report
    timeout = .nanoseconds(configuration.timeout.wholeNanoseconds)
    // Multiples of the golden ratio spread any number of slots evenly over the interval.
    let turns = Double(endpoint.slot.index) * 0.618_033_988_749_895
    machine = ScrapeStateMachine(configuration: configuration, phase: turns - turns.rounded(.down), start: .now())
    request = ByteBuffer(
      string:
        "GET \(page.source.path) HTTP/1.1\r\nHost: \(address)\r\nAccept: \(Reader.mediaType)\r\nUser-Agent: warmpath\r\n\r\n"
    )
  }

  /// Whether a request was sent whose response is incomplete.
  var isWaiting: Bool { machine.isWaiting }

  /// Starts scraping.
  func start() { tick() }

  /// Closes the connection and cancels all timers.
  func stop() {
    machine.stop()
    nextTick?.cancel()
    nextTick = nil
    attempt &+= 1
    connection?.close()
    connection = nil
  }

  func handleScheduledCallback(eventLoop: some EventLoop) { tick() }

  private func tick() {
    nextTick = nil
    switch machine.tick(.now()) {
    case .none: break
    case .connect: connect()
    case .send: send()
    case .timeOut:
      dropConnection()
      report(self, .failure(.timedOut))
    }
    // No event brings the next tick forward, so one callback is planned at any time.
    guard nextTick == nil, let time = machine.nextTick else { return }
    nextTick = try? eventLoop.assumeIsolated().scheduleCallback(
      at: .uptimeNanoseconds(time.nanoseconds), handler: self)
  }

  private func connect() {
    attempt &+= 1
    let attempt = self.attempt
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(timeout)
      .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: ScrapeConnection.readBytes))
    let future =
      (try? SocketAddress(ipAddress: address.host, port: Int(address.port))).map { bootstrap.connect(to: $0) }
      ?? bootstrap.connect(host: address.host, port: Int(address.port))
    future.assumeIsolated().whenComplete { result in
      guard attempt == self.attempt else {
        if case .success(let channel) = result { channel.close(promise: nil) }
        return
      }
      switch result {
      case .success(let channel): self.connected(channel)
      case .failure(let error): self.connectFailed(error)
      }
    }
  }

  private func connected(_ channel: any Channel) {
    switch machine.connected(.now()) {
    case .close:
      channel.close(promise: nil)
    case .send:
      let connection = ScrapeConnection(channel: channel, scraper: self)
      self.connection = connection
      parser.reset()
      do {
        if let certificates {
          // An IP literal is no name of a server; the certificate is then checked against the address of the connection.
          let name = IPAddress(address.host) == nil ? address.host : nil
          let handler = try NIOSSLClientHandler(context: certificates.context, serverHostname: name)
          try channel.pipeline.syncOperations.addHandler(handler)
        }
        try channel.pipeline.syncOperations.addHandler(connection)
        send()
      } catch {
        // The channel is closed already.
        lose(.closed)
      }
    }
  }

  private func connectFailed(_ error: any Error) {
    guard machine.connectFailed(.now()) else { return }
    report(self, .failure(ScrapeError(connecting: error)))
  }

  private func send() {
    startedAt = .now()
    dispatched = load.totals
    reader.reset()
    status = 0
    connection?.send(request)
  }

  /// Handles bytes from the engine.
  func received(_ buffer: ByteBuffer) {
    guard machine.received() else {
      // Bytes that nobody asked for: what follows could not be matched with a request.
      _ = machine.closed(.now())
      dropConnection()
      return
    }
    let bytes = buffer.readableBytesSpan
    var offset = 0
    do throws(HTTPResponseError) {
      while true {
        switch try parser.next(bytes, from: &offset) {
        case .needsBytes: return
        case .head(let status): self.status = status
        case .body(let range):
          if status == 200 { reader.scan(bytes.extracting(range)) }
        case .end(let isReusable):
          answered(isReusable: isReusable && offset == bytes.byteCount)
          return
        }
      }
    } catch {
      lose(.response(error))
    }
  }

  /// Handles the end of the connection that the scraper did not close itself.
  func closedByPeer() {
    connection = nil
    if (try? parser.close()) != nil {
      answered(isReusable: false)
      return
    }
    switch machine.closed(.now()) {
    case .none: break
    case .connect: connect()
    case .fail: report(self, .failure(status == 0 ? .closed : .response(.truncated)))
    }
  }

  func broken(_ reason: String) {
    guard machine.isWaiting else { return }
    lose(.secureConnectionFailed(reason))
  }

  private func answered(isReusable: Bool) {
    let page = status == 200 ? reader.finish() : nil
    if machine.answered(.now(), isGood: page != nil, isReusable: isReusable) { dropConnection() }
    if let page {
      report(self, .success(ScrapedPage(page: page, startedAt: startedAt, dispatched: dispatched)))
    } else {
      report(self, .failure(status == 200 ? Reader.emptyPage : .status(status)))
    }
  }

  private func lose(_ error: ScrapeError) {
    machine.failed(.now())
    dropConnection()
    report(self, .failure(error))
  }

  private func dropConnection() {
    attempt &+= 1
    connection?.close()
    connection = nil
  }
}
