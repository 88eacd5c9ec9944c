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
      guard let index = index(of: key) else { return nil }
      return entries.span[index].value
    }
    set {
      if let index = index(of: key) {
        if let newValue { entries[index].value = newValue } else { entries.remove(at: index) }
      } else if let newValue {
        entries.append(Entry(key: key, value: newValue))
      }
    }
  }

  /// The value of an attribute; nil when it is not known.
  ///
  /// - Parameter place: where another endpoint has the attribute; endpoints of a pool have most attributes in the same order. Set to
  ///   the place at this endpoint.
  package func value(_ key: String, at place: inout Int) -> Double? {
    let all = entries.span
    if place < all.count, all[place].key == key { return all[place].value }
    guard let found = index(of: key) else { return nil }
    place = found
    return all[found].value
  }

  private func index(of key: String) -> Int? {
    let count = key.utf8.count
    let all = entries.span
    // In place, so that no entry is copied; lengths first: unequal texts are otherwise compared as Unicode text.
    for index in all.indices where all[index].key.utf8.count == count && all[index].key == key { return index }
    return nil
  }

  /// Sets all attributes of `others`; the other ones stay.
  package mutating func merge(_ others: EndpointAttributes) {
    for entry in others.entries { self[entry.key] = entry.value }
  }
}
