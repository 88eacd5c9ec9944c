package import EPPCore

/// Writes the text of an engine's `/metrics`, with vLLM's names, labels and order.
///
/// The text between the numbers is made once: a page is scraped up to twenty times a second, and only its numbers change.
package struct MetricsPage: Sendable {
  /// The variable part after a fixed part of the text.
  enum Value: Sendable {
    /// One number.
    case number(@Sendable (SimulatedEngine) -> Double)
    /// The cumulative buckets, the count and the sum, each after its own fixed part.
    case histogram(@Sendable (EngineStatistics) -> Histogram)
    /// All series of LoRA adapters, whose labels change.
    case adapters
  }

  /// The concatenated fixed parts; a value follows each of them.
  private var text: [UInt8] = []
  /// Ends of the fixed parts in `text`.
  private var ends: [Int] = []
  private var values: [Value] = []
  /// The labels `engine` and `model_name`.
  private let labels: [String]
  private let startedAt: Double

  /// Makes a page for an engine.
  ///
  /// - Parameters:
  ///   - options: The engine's options.
  ///   - startedAt: The engine's start in seconds since 1970.
  package init(options: EngineOptions, startedAt: Double) {
    labels = ["engine=\"0\"", "model_name=\"\(Self.escaped(options.modelName))\""]
    self.startedAt = startedAt
    addStart()
    for family in MetricFamily.all(options: options) { add(family) }
  }

  /// Adds the start time of the process, which Python's client exports: by it the picker detects a restart.
  private mutating func addStart() {
    let (name, startedAt) = ("process_start_time_seconds", startedAt)
    addHead(name, "Start time of the process since unix epoch in seconds.", .gauge)
    part("\(name) ")
    values.append(.number { _ in startedAt })
  }

  private mutating func add(_ family: MetricFamily) {
    addHead(family.name, family.help, family.kind)
    for series in family.series {
      switch series.value {
      case .number: part(name(family.name, series))
      case .histogram(let read):
        for bound in read(EngineStatistics()).bounds {
          part(name("\(family.name)_bucket", series, bound: "\(bound)"))
        }
        part(name("\(family.name)_bucket", series, bound: "+Inf"))
        part(name("\(family.name)_count", series))
        part(name("\(family.name)_sum", series))
      case .adapters: part("")
      }
      values.append(series.value)
    }
    guard family.kind != .gauge else { return }
    // Python's client adds the time of creation to counters and histograms, as a gauge.
    let isCounter = family.kind == .counter && family.name.hasSuffix("_total")
    let created = "\(isCounter ? String(family.name.dropLast("_total".count)) : family.name)_created"
    let startedAt = startedAt
    addHead(created, family.help, .gauge)
    for series in family.series {
      part(name(created, series))
      values.append(.number { _ in startedAt })
    }
  }

  private mutating func addHead(_ name: String, _ help: String, _ kind: MetricFamily.Kind) {
    text.append(contentsOf: "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n".utf8)
  }

  /// Returns a series up to its value, with labels in alphabetical order, as Python's client writes them.
  private func name(_ name: String, _ series: MetricFamily.Series, bound: String? = nil) -> String {
    var all = series.labels + (series.hasEngineLabels ? labels : [])
    if let bound { all.append("le=\"\(bound)\"") }
    return "\(name){\(all.sorted().joined(separator: ","))} "
  }

  private mutating func part(_ fixed: String) {
    text.append(contentsOf: fixed.utf8)
    ends.append(text.count)
  }

  /// Appends the current page.
  ///
  /// - Parameters:
  ///   - engine: The engine with the values.
  ///   - start: The engine's start, on the engine's clock.
  ///   - page: The text to append to.
  package func write(_ engine: SimulatedEngine, startedAt start: MonotonicTime, into page: inout [UInt8]) {
    var position = 0
    var index = 0
    func fixed() {
      page.append(contentsOf: text[position..<ends[index]])
      position = ends[index]
      index += 1
    }
    for value in values {
      switch value {
      case .number(let read):
        fixed()
        Self.append(read(engine), to: &page)
      case .histogram(let read):
        let histogram = read(engine.statistics)
        var accumulated = 0
        for count in histogram.counts {
          accumulated += count
          fixed()
          Self.append(Double(accumulated), to: &page)
        }
        fixed()
        Self.append(Double(histogram.count), to: &page)
        fixed()
        Self.append(histogram.sum, to: &page)
      case .adapters:
        fixed()
        for entry in engine.adapterHistory.entries {
          let labels = [
            "max_lora=\"\(engine.options.maximumAdapters)\"",
            "running_lora_adapters=\"\(Self.escaped(entry.running))\"",
            "waiting_lora_adapters=\"\(Self.escaped(entry.waiting))\"",
          ]
          page.append(contentsOf: "vllm:lora_requests_info{\(labels.joined(separator: ","))} ".utf8)
          Self.append(startedAt + entry.since.duration(since: start) / .seconds(1), to: &page)
        }
      }
    }
  }

  /// Appends a number in Python's format, and a line feed.
  private static func append(_ number: Double, to page: inout [UInt8]) {
    if number.magnitude < 1e15, let whole = Int(exactly: number) {
      appendDigits(whole, to: &page)
      page.append(contentsOf: ".0\n".utf8)
    } else {
      page.append(contentsOf: "\(number)\n".utf8)
    }
  }

  private static func appendDigits(_ number: Int, to page: inout [UInt8]) {
    if number < 0 { page.append(UInt8(ascii: "-")) }
    let start = page.count
    var rest = number.magnitude
    repeat {
      page.append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    page[start...].reverse()
  }

  /// Returns the value of a label with quotes, backslashes and line feeds escaped.
  static func escaped(_ value: String) -> String {
    var escaped = ""
    for character in value.unicodeScalars {
      switch character {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(character)
      }
    }
    return escaped
  }
}
