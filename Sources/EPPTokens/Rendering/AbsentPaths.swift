import EPPCore

/// Paths that engines do not serve for a model: remembered for a while, for an engine may come back with other flags, and
/// may be given an adapter.
struct AbsentPaths: Sendable {
  /// How long an engine is not asked again.
  static let pause = Duration.seconds(30)
  /// Paths that are remembered at most: clients choose the names of models.
  private static let capacity = 4096

  private struct Key: Hashable {
    var engine: EndpointAddress
    var model: String
    var path: RenderPath
  }

  private var absent: [Key: MonotonicTime] = [:]
  /// When the last of them is over; they come in the order of their ends.
  private var end = MonotonicTime(nanoseconds: 0)

  var count: Int { absent.count }

  /// Whether no path is known to be absent, so that no look-up is needed; expired entries are removed first.
  mutating func isEmpty(now: MonotonicTime) -> Bool {
    if now >= end, !absent.isEmpty { absent = [:] }
    return absent.isEmpty
  }

  /// Of some paths those that may be there, in the same order.
  mutating func present(
    _ paths: [RenderPath], at engine: EndpointAddress, model: String, now: MonotonicTime
  ) -> [RenderPath] {
    guard !isEmpty(now: now) else { return paths }
    return paths.filter { path in
      absent[Key(engine: engine, model: model, path: path)].map { now >= $0 } ?? true
    }
  }

  mutating func insert(_ path: RenderPath, at engine: EndpointAddress, model: String, now: MonotonicTime) {
    if absent.count >= Self.capacity {
      absent = absent.filter { now < $0.value }
      if absent.count >= Self.capacity { absent.removeAll(keepingCapacity: true) }
    }
    end = now.advanced(by: Self.pause)
    absent[Key(engine: engine, model: model, path: path)] = end
  }
}
