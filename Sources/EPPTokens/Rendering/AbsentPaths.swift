import EPPCore

/// Paths that engines do not serve for a model: remembered for a while, for an engine may come back with other flags, and
/// may be given an adapter.
struct AbsentPaths: Sendable {
  /// How long an engine is not asked again.
  static let pause = Duration.seconds(30)
  /// What is remembered: names of models come from anybody.
  private static let capacity = 4096

  private struct Key: Hashable {
    var engine: EndpointAddress
    var model: String
    var path: RenderPath
  }

  private var absent: [Key: MonotonicTime] = [:]

  var count: Int { absent.count }

  /// Of some paths those that may be there, in the same order.
  func present(
    _ paths: [RenderPath], at engine: EndpointAddress, model: String, now: MonotonicTime
  ) -> [RenderPath] {
    guard !absent.isEmpty else { return paths }
    return paths.filter { path in
      absent[Key(engine: engine, model: model, path: path)].map { now >= $0 } ?? true
    }
  }

  mutating func insert(_ path: RenderPath, at engine: EndpointAddress, model: String, now: MonotonicTime) {
    if absent.count >= Self.capacity {
      absent = absent.filter { now < $0.value }
      if absent.count >= Self.capacity { absent.removeAll(keepingCapacity: true) }
    }
    absent[Key(engine: engine, model: model, path: path)] = now.advanced(by: Self.pause)
  }
}
