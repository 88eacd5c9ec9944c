/// What the process has used, under the names that Prometheus' client libraries give it (`process_cpu_seconds_total` and others), as
/// dashboards of any program ask for it.
package struct ProcessUsage: Sendable, Equatable {
  /// User time of all threads since the start, in seconds.
  package var userSeconds: Double
  /// System time of all threads since the start, in seconds.
  package var systemSeconds: Double
  /// Resident memory in bytes.
  package var residentBytes: Int
  /// Address space in bytes.
  package var virtualBytes: Int
  /// The start of the process in seconds since 1970.
  package var startTime: Double
  /// Open file descriptors; nil where they cannot be counted.
  package var openFiles: Int?
  /// The limit of open file descriptors; nil where there is none.
  package var maximumFiles: Int?

  /// Reads the fields of `/proc/PID/stat` (proc(5)).
  ///
  /// - Parameters:
  ///   - stat: the text of the file.
  ///   - bootTime: when the machine was started, in seconds since 1970 (`btime` of `/proc/stat`).
  ///   - ticks: clock ticks in a second.
  ///   - pageBytes: the size of a page of memory in bytes.
  /// - Returns: nil when the text is not of that file.
  package init?(stat: String, bootTime: Double, ticks: Double, pageBytes: Int) {
    // The second field is the name in parentheses and may hold anything: fields are counted from behind it, the third is 0.
    guard let end = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: end)...].split(whereSeparator: { $0 == " " || $0 == "\n" })
    guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
      let start = Double(fields[19]), let virtual = Int(fields[20]), let pages = Int(fields[21])
    else { return nil }
    userSeconds = user / ticks
    systemSeconds = system / ticks
    residentBytes = pages * pageBytes
    virtualBytes = virtual
    startTime = bootTime + start / ticks
  }
}

extension ProcessUsage {
  /// User and system time in seconds.
  package var cpuSeconds: Double { userSeconds + systemSeconds }
}

extension MetricsTextWriter {
  /// Writes the families of the process.
  mutating func write(_ usage: ProcessUsage) {
    write("cpu_seconds_total", "User and system time of all threads, in seconds.", .counter, usage.cpuSeconds)
    if let limit = usage.maximumFiles {
      write("max_fds", "The largest number of open file descriptors.", .gauge, Double(limit))
    }
    if let count = usage.openFiles { write("open_fds", "Open file descriptors.", .gauge, Double(count)) }
    write("resident_memory_bytes", "Resident memory in bytes.", .gauge, Double(usage.residentBytes))
    write("start_time_seconds", "Start of the process in seconds since 1970.", .gauge, usage.startTime)
    write("virtual_memory_bytes", "Address space in bytes.", .gauge, Double(usage.virtualBytes))
  }

  private mutating func write(_ name: String, _ help: String, _ kind: MetricKind, _ value: Double) {
    write(
      name: "process_" + name, help: help, kind: kind, labels: [],
      series: [MetricSeries(labelValues: [], reading: .gauge(value))])
  }
}
