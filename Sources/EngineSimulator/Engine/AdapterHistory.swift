package import EPPCore

/// Which LoRA adapters ran and waited, now and before.
///
/// vLLM writes them as labels of a gauge and never takes a series back: a page holds one series for every combination
/// that there ever was, and the one with the greatest value, a time, is the present. This keeps the latest combinations.
package struct AdapterHistory: Sendable {
  /// Adapters as they were at one time.
  package struct Entry: Sendable, Equatable {
    /// Names joined by commas, in alphabetical order.
    package var running: String
    package var waiting: String
    /// When this combination came about.
    package var since: MonotonicTime
  }

  /// Combinations, each once, the present one last.
  package private(set) var entries: [Entry] = []

  /// How many combinations a page shows.
  private static let limit = 16

  package init() {}

  /// Notes the present combination; a name may be given more than once.
  package mutating func record(running: [String], waiting: [String], at now: MonotonicTime) {
    let entry = Entry(running: Self.joined(running), waiting: Self.joined(waiting), since: now)
    // A combination that lasted no time was none; and two with the same time would both seem to be the present.
    if entries.last?.since == now { entries.removeLast() }
    if let last = entries.last, last.running == entry.running, last.waiting == entry.waiting { return }
    entries.removeAll { $0.running == entry.running && $0.waiting == entry.waiting }
    entries.append(entry)
    if entries.count > Self.limit { entries.removeFirst() }
  }

  private static func joined(_ names: [String]) -> String { Set(names).sorted().joined(separator: ",") }
}
