/// What proxies cost beside each other.
struct SidecarReport: Encodable {
  /// One proxy under one load: a value for each round.
  struct Row: Encodable {
    var load: String
    var proxy: String
    /// Seconds of CPU a request.
    var cpu: [Double] = []
    /// Microseconds of a request, or of an event on its way.
    var median: [Double] = []
    var high: [Double] = []
    var requestsPerSecond: [Double] = []
    /// Bytes of resident memory after the round.
    var memory: [Int] = []

    init(load: String, proxy: String) {
      self.load = load
      self.proxy = proxy
    }

    mutating func add(cpu: Double, _ result: SidecarClient.Result, memory: Int) {
      self.cpu.append(cpu)
      median.append(result.latency.microseconds(atShare: 0.5))
      high.append(result.latency.microseconds(atShare: 0.99))
      requestsPerSecond.append(Double(result.latency.count) / result.seconds)
      self.memory.append(memory)
    }
  }

  var rows: [Row] = []

  /// A table of the rounds' medians; latencies are those that a proxy adds to the model server's own.
  var table: String {
    var table = TextTable(header: ["load", "proxy", "CPU a request", "added p50", "added p99", "a second", "memory"])
    for row in rows {
      let own = rows.first { $0.load == row.load }
      table.add(
        row.load, row.proxy, row.proxy == "none" ? "" : (Self.middle(row.cpu) * 1e6).decimals(1) + " µs",
        Self.added(row.median, own?.median, row.proxy), Self.added(row.high, own?.high, row.proxy),
        Self.middle(row.requestsPerSecond).decimals(0),
        row.proxy == "none" ? "" : Double(row.memory.last ?? 0).megabytes)
    }
    return table.text
  }

  private static func added(_ values: [Double], _ own: [Double]?, _ proxy: String) -> String {
    proxy == "none" ? "(\(middle(values).decimals(0)) µs)" : "\((middle(values) - middle(own ?? [])).decimals(0)) µs"
  }

  private static func middle(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.sorted()[values.count / 2]
  }
}
