/// Results of a scrape run.
struct ScrapeReport: Codable, Sendable {
  var endpoints: Int
  var pageBytes: Int
  var seconds: Double
  var scrapes: UInt64
  var scrapesPerSecondPerEndpoint: Double
  var cost: ServerCost
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
