/// The results of a scrape run.
struct ScrapeReport: Codable, Sendable {
  /// Number of engines.
  var endpoints: Int
  /// Approximate size of a page in bytes.
  var pageBytes: Int
  /// Length of the measured time.
  var seconds: Double
  /// Scrapes of all engines in the measured time.
  var scrapes: UInt64
  /// Mean rate of the scrapes of an engine.
  var scrapesPerSecondPerEndpoint: Double
  /// CPU time and memory in the measured time.
  var cost: ServerCost
  /// CPU time of the server per scrape, in microseconds.
  var serverMicrosecondsPerScrape: Double?

  init(engines: EngineOptions, scrapes: UInt64, cost: ServerCost) {
    endpoints = engines.count
    pageBytes = engines.pageBytes
    seconds = cost.seconds
    self.scrapes = scrapes
    scrapesPerSecondPerEndpoint = Double(scrapes) / cost.seconds / Double(engines.count)
    self.cost = cost
    serverMicrosecondsPerScrape = cost.serverMicroseconds(per: scrapes)
  }

  var table: String {
    var summary = TextTable()
    summary.add("endpoints", "\(endpoints), pages of \(pageBytes) B")
    summary.add("scrapes", "\(scrapes) (\(scrapesPerSecondPerEndpoint.decimals(1))/s for each endpoint)")
    if let cores = cost.serverCores, let each = serverMicrosecondsPerScrape,
      let resident = cost.serverResidentBytes
    {
      summary.add("server CPU", "\(cores.decimals(4)) cores, \(each.decimals(1)) µs/scrape")
      summary.add("server memory", "\(Double(resident).megabytes) resident")
    }
    summary.add("these engines' CPU", "\(cost.clientCores.decimals(3)) cores")
    summary.add("other processes", "\(cost.otherCores.decimals(2)) cores")
    return summary.text
  }
}
