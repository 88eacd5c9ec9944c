/// A label whose number becomes an attribute of the endpoint.
package struct LabelAttribute: Hashable, Sendable {
  /// The name of the label.
  package var label: String
  /// The attribute's key.
  package var key: String

  package init(label: String, key: String) {
    self.label = label
    self.key = key
  }

  /// The number in the label of an endpoint; 0 without the label and where it has no finite number, as in llm-d.
  package func value(_ labels: [String: String]) -> Double {
    labels[label].flatMap(Double.init).flatMap { $0.isFinite ? $0 : nil } ?? 0
  }
}

/// Numbers that data sources know of an endpoint, by key, such as those of the metrics that the configuration file names.
///
/// Endpoints have none, or a few: a look-up compares keys one after the other and allocates nothing.
package struct EndpointAttributes: Equatable, Sendable {
  /// The key of the use of the busiest GPU of an endpoint, 0...1.
  package static let gpuUtilization = "GPUUtilization"

  private struct Entry: Equatable, Sendable {
    var key: String
    var value: Double
  }

  private var entries: [Entry] = []

  /// No attributes.
  package init() {}

  /// Whether there is no attribute.
  package var isEmpty: Bool { entries.isEmpty }

  /// The value of an attribute; nil when it is not known. Setting nil removes the attribute.
  package subscript(_ key: String) -> Double? {
    get {
      for entry in entries where entry.key == key { return entry.value }
      return nil
    }
    set {
      if let index = entries.firstIndex(where: { $0.key == key }) {
        if let newValue { entries[index].value = newValue } else { entries.remove(at: index) }
      } else if let newValue {
        entries.append(Entry(key: key, value: newValue))
      }
    }
  }

  /// Sets all attributes of `others`; the other ones stay.
  package mutating func merge(_ others: EndpointAttributes) {
    for entry in others.entries { self[entry.key] = entry.value }
  }
}
