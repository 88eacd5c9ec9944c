import EPPCore

/// Paths that engines do not serve for a model. Entries expire, because an engine may be restarted with other flags or load an
/// adapter.
struct AbsentPaths: Sendable {
  /// How long an entry lasts.
  static let pause = Duration.seconds(30)
  /// Entries at most: clients choose the names of models.
  private static let capacity = 4096

  private struct Key: Hashable {
    var engine: EndpointAddress
    var model: String
    var path: RenderPath
  }

  private var absent: [Key: MonotonicTime] = [:]
  /// When the newest entry expires, which is the last to expire.
  private var end = MonotonicTime(nanoseconds: 0)

  /// Entries, with expired ones that have not been removed.
  var count: Int { absent.count }

  /// Whether no path is known to be absent, so that no look-up is needed. Removes all entries when all have expired.
  mutating func isEmpty(now: MonotonicTime) -> Bool {
    if now >= end, !absent.isEmpty { absent = [:] }
    return absent.isEmpty
  }

  /// Returns the paths that are not known to be absent, in the given order.
  mutating func present(
    _ paths: [RenderPath], at engine: EndpointAddress, model: String, now: MonotonicTime
  ) -> [RenderPath] {
    guard !isEmpty(now: now) else { return paths }
    return paths.filter { path in
      absent[Key(engine: engine, model: model, path: path)].map { now >= $0 } ?? true
    }
  }

  /// Records that an engine does not serve a path for a model.
  mutating func insert(_ path: RenderPath, at engine: EndpointAddress, model: String, now: MonotonicTime) {
    if absent.count >= Self.capacity {
      absent = absent.filter { now < $0.value }
      if absent.count >= Self.capacity { absent.removeAll(keepingCapacity: true) }
    }
    end = now.advanced(by: Self.pause)
    absent[Key(engine: engine, model: model, path: path)] = end
  }
}
