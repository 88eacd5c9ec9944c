/// A metric on a page: its name, and label values that select some of its series.
///
/// Written as an instant vector selector of PromQL, in which the quotes may be left out: `requests`, `requests{state=waiting}`,
/// `requests{state="waiting",model="a"}`.
package struct MetricSpec: Hashable, Sendable, CustomStringConvertible {
  /// A label that a series has to have, with its value.
  package struct Label: Hashable, Sendable {
    /// The name of the label.
    package var name: String
    /// The value, without escapes.
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The name of the metric's samples.
  package var name: String
  /// The labels that a series has to have; empty for all series.
  package var labels: [Label]
  /// Whether the text has conditions other than equality, which are accepted and select nothing, as in llm-d.
  package var hasOtherConditions: Bool

  /// Makes a metric from parts that follow the syntax.
  package init(_ name: String, _ labels: [Label] = []) {
    self.name = name
    self.labels = labels
    hasOtherConditions = false
  }

  /// The reason why a text names no metric, in one sentence.
  package struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String
  }

  /// Parses a text; nil for an empty one, which stands for no metric.
  ///
  /// - Throws: `Problem` when the text does not follow the syntax.
  package static func parse(_ text: String) throws(Problem) -> MetricSpec? {
    var reader = MetricSpecReader(text)
    guard let spec = reader.spec() else {
      throw Problem(description: "'\(text.shortened)' is no metric: write NAME or NAME{LABEL=VALUE,...}")
    }
    return text.isEmpty ? nil : spec
  }

  /// The metric with the values of its labels in quotes.
  package var description: String {
    guard !labels.isEmpty else { return name }
    return "\(name){\(labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ","))}"
  }

  /// Returns a label value as a metrics page has it between quotes.
  package static func escaped(_ value: String) -> String {
    var result = ""
    for character in value.unicodeScalars {
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}

/// A parser of one metric, which reads a text from its start to its end.
private struct MetricSpecReader {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  /// Returns the metric; nil when the text does not follow the syntax. An empty text makes a metric without a name.
  mutating func spec() -> MetricSpec? {
    guard !bytes.isEmpty else { return MetricSpec("") }
    skipBlanks()
    guard let name = name(with: UInt8(ascii: ":")) else { return nil }
    var spec = MetricSpec(name)
    skipBlanks()
    if take("{") {
      while true {
        skipBlanks()
        if take("}") { break }
        guard condition(&spec) else { return nil }
        skipBlanks()
        if take("}") { break }
        guard take(",") else { return nil }
      }
      skipBlanks()
    }
    return offset == bytes.count ? spec : nil
  }

  /// Reads a condition such as `state=waiting`. Names with two underscores in front are those of Prometheus itself.
  private mutating func condition(_ spec: inout MetricSpec) -> Bool {
    guard let label = name(with: nil) else { return false }
    skipBlanks()
    var isEquality = false
    if take("!") {
      guard take("=") || take("~") else { return false }
    } else {
      guard take("=") else { return false }
      isEquality = !take("~")
    }
    skipBlanks()
    guard let value = value() else { return false }
    if !isEquality {
      spec.hasOtherConditions = true
    } else if !label.hasPrefix("__") {
      spec.labels.removeAll { $0.name == label }
      spec.labels.append(MetricSpec.Label(label, value))
    }
    return true
  }

  private mutating func name(with extra: UInt8?) -> String? {
    let start = offset
    while offset < bytes.count {
      let byte = bytes[offset]
      switch byte {
      case 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): break
      case 0x30...0x39 where offset > start: break
      case _ where byte == extra: break
      default: return text(start)
      }
      offset += 1
    }
    return text(start)
  }

  /// Reads a value in quotes of either kind, or the bytes up to a quote, comma, brace or blank.
  private mutating func value() -> String? {
    for quote in ["\"", "'"] where take(quote) { return quoted(UInt8(ascii: quote == "'" ? "'" : "\"")) }
    let start = offset
    while offset < bytes.count, !"\",}\t\n\r ".utf8.contains(bytes[offset]) { offset += 1 }
    return text(start)
  }

  private mutating func quoted(_ quote: UInt8) -> String? {
    var value: [UInt8] = []
    while offset < bytes.count {
      var byte = bytes[offset]
      offset += 1
      if byte == quote { return String(decoding: value, as: UTF8.self) }
      if byte == UInt8(ascii: "\\"), offset < bytes.count {
        byte = bytes[offset] == UInt8(ascii: "n") ? 0x0A : bytes[offset]
        offset += 1
      }
      value.append(byte)
    }
    return nil
  }

  private func text(_ start: Int) -> String? {
    start < offset ? String(decoding: bytes[start..<offset], as: UTF8.self) : nil
  }

  private mutating func take(_ text: String) -> Bool {
    guard offset < bytes.count, bytes[offset] == text.utf8.first else { return false }
    offset += 1
    return true
  }

  private mutating func skipBlanks() {
    while offset < bytes.count, " \t\n\r".utf8.contains(bytes[offset]) { offset += 1 }
  }
}
