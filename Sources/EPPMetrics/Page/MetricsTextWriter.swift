/// Writes families in the Prometheus text format, version 0.0.4.
struct MetricsTextWriter {
  private(set) var bytes: [UInt8] = []

  /// - Parameter count: bytes to reserve for the text.
  init(reservingBytes count: Int = 0) { bytes.reserveCapacity(count) }

  /// Writes the help, the type and the series of one family. Writes nothing for a family without series.
  ///
  /// - Parameter labels: label names, in the order of the series' label values.
  mutating func write(name: String, help: String, kind: MetricKind, labels: [String], series: [MetricSeries]) {
    guard !series.isEmpty else { return }
    bytes.append(utf8: "# HELP ")
    bytes.append(utf8: name)
    bytes.append(0x20)
    bytes.appendEscaped(help, quote: false)
    bytes.append(utf8: "\n# TYPE ")
    bytes.append(utf8: name)
    bytes.append(0x20)
    bytes.append(utf8: kind.rawValue)
    bytes.append(0x0A)
    var labelText: [UInt8] = []
    for one in series {
      labelText.removeAll(keepingCapacity: true)
      for (label, value) in zip(labels, one.labelValues) {
        if !labelText.isEmpty { labelText.append(0x2C) }
        labelText.append(utf8: label)
        labelText.append(utf8: "=\"")
        labelText.appendEscaped(value, quote: true)
        labelText.append(0x22)
      }
      switch one.reading {
      case .counter(let count):
        appendSample(name, "", labelText)
        bytes.appendDecimal(count)
        bytes.append(0x0A)
      case .gauge(let value):
        appendSample(name, "", labelText)
        bytes.appendMetricValue(value)
        bytes.append(0x0A)
      case .histogram(let histogram):
        write(histogram, name: name, labels: labelText)
      }
    }
  }

  private mutating func write(_ histogram: HistogramReading, name: String, labels: [UInt8]) {
    var cumulated: UInt64 = 0
    for (index, count) in histogram.counts.enumerated() {
      cumulated &+= count
      bytes.append(utf8: name)
      bytes.append(utf8: "_bucket{")
      bytes.append(contentsOf: labels)
      if !labels.isEmpty { bytes.append(0x2C) }
      bytes.append(utf8: "le=\"")
      if index < histogram.layout.boundTexts.count {
        bytes.append(contentsOf: histogram.layout.boundTexts[index])
      } else {
        bytes.append(utf8: "+Inf")
      }
      bytes.append(utf8: "\"} ")
      bytes.appendDecimal(cumulated)
      bytes.append(0x0A)
    }
    appendSample(name, "_sum", labels)
    bytes.appendMetricValue(histogram.total)
    bytes.append(0x0A)
    appendSample(name, "_count", labels)
    bytes.appendDecimal(cumulated)
    bytes.append(0x0A)
  }

  private mutating func appendSample(_ name: String, _ suffix: String, _ labels: [UInt8]) {
    bytes.append(utf8: name)
    bytes.append(utf8: suffix)
    if !labels.isEmpty {
      bytes.append(0x7B)
      bytes.append(contentsOf: labels)
      bytes.append(0x7D)
    }
    bytes.append(0x20)
  }
}

extension [UInt8] {
  /// Appends a text as UTF-8.
  mutating func append(utf8 text: String) { append(contentsOf: text.utf8) }

  /// Appends a text with escaped backslashes and line feeds; with `quote`, quotation marks are escaped too.
  mutating func appendEscaped(_ text: String, quote: Bool) {
    for byte in text.utf8 {
      switch byte {
      case 0x5C: append(utf8: "\\\\")
      case 0x0A: append(utf8: "\\n")
      case 0x22 where quote: append(utf8: "\\\"")
      default: append(byte)
      }
    }
  }

  /// Appends a number in decimal digits.
  mutating func appendDecimal(_ number: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var rest = number
    var length = 0
    repeat {
      digits[length] = UInt8(truncatingIfNeeded: 0x30 &+ rest % 10)
      rest /= 10
      length += 1
    } while rest > 0
    while length > 0 {
      length -= 1
      append(digits[length])
    }
  }

  /// Appends a number in Prometheus syntax: whole numbers up to 2^53 in plain digits, else the shortest text that reads back as
  /// the same value; `+Inf`, `-Inf` and `NaN`.
  mutating func appendMetricValue(_ value: Double) {
    if value.isNaN {
      append(utf8: "NaN")
    } else if value.isInfinite {
      append(utf8: value < 0 ? "-Inf" : "+Inf")
    } else if value.rounded(.towardZero) == value, value.magnitude <= 9_007_199_254_740_992 {
      if value < 0 { append(0x2D) }
      appendDecimal(UInt64(value.magnitude))
    } else {
      append(utf8: value.description)
    }
  }
}
