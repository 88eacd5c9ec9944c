import DequeModule

/// The most recently used elements, up to a number.
struct RecentSet<Element: Hashable & Sendable>: Sendable {
  /// The largest number of elements.
  let maximum: Int
  /// The number of each element's last use.
  private var uses: [Element: UInt64] = [:]
  /// Uses in their order; those that are not the last of their element count for nothing.
  private(set) var order: Deque<(element: Element, use: UInt64)> = []
  private var count: UInt64 = 0

  /// An empty set.
  init(maximum: Int) { self.maximum = max(1, maximum) }

  /// The number of elements.
  var size: Int { uses.count }

  /// Whether an element is there. Does not count as a use.
  func contains(_ element: Element) -> Bool { uses[element] != nil }

  /// Adds an element, or notes that it is used again.
  mutating func use(_ element: Element) {
    count += 1
    uses[element] = count
    order.append((element, count))
    while uses.count > maximum { removeOldest() }
    // Repeated uses leave outdated entries behind: they are removed before they outnumber the others.
    if order.count > 2 * maximum + 16 { order.removeAll { uses[$0.element] != $0.use } }
  }

  private mutating func removeOldest() {
    guard let oldest = order.popFirst() else { return }
    if uses[oldest.element] == oldest.use { uses[oldest.element] = nil }
  }
}
