package import EPPCore

/// The latest combinations of running and waiting LoRA adapters.
///
/// vLLM writes the adapters as labels of a gauge and never removes a series: a page has one series for every combination since
/// the start. Its value is a time, and the series with the greatest value is the current combination.
package struct AdapterHistory: Sendable {
  /// A combination of adapters.
  package struct Entry: Sendable, Equatable {
    /// Names of the adapters of running requests, joined by commas, in alphabetical order.
    package var running: String
    /// Names of the adapters of waiting requests, joined by commas, in alphabetical order.
    package var waiting: String
    /// When the combination began.
    package var since: MonotonicTime
  }

  /// Combinations, each once, the current one last.
  package private(set) var entries: [Entry] = []

  /// Combinations that are kept at most.
  private static let limit = 16

  package init() {}

  /// Records the current combination. A name may occur more than once.
  package mutating func record(running: [String], waiting: [String], at now: MonotonicTime) {
    let entry = Entry(running: Self.joined(running), waiting: Self.joined(waiting), since: now)
    // A combination that began at this time has not lasted: two series with equal times would both seem to be the current one.
    if entries.last?.since == now { entries.removeLast() }
    if let last = entries.last, last.running == entry.running, last.waiting == entry.waiting { return }
    entries.removeAll { $0.running == entry.running && $0.waiting == entry.waiting }
    entries.append(entry)
    if entries.count > Self.limit { entries.removeFirst() }
  }

  private static func joined(_ names: [String]) -> String { Set(names).sorted().joined(separator: ",") }
}
