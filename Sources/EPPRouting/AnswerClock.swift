import EPPCore

/// The times of an answer's pieces.
struct AnswerClock {
  private(set) var hasStarted = false
  private(set) var isEventStream = false
  private(set) var firstChunkAt: MonotonicTime?
  private var lastChunkAt: MonotonicTime?

  enum Chunk: Equatable {
    case first
    /// With the time since the one before.
    case next(Duration)
  }

  mutating func start(isEventStream: Bool) {
    hasStarted = true
    self.isEventStream = isEventStream
  }

  mutating func chunk(at now: MonotonicTime) -> Chunk {
    defer { lastChunkAt = now }
    guard let lastChunkAt else {
      firstChunkAt = now
      return .first
    }
    return .next(now.duration(since: lastChunkAt))
  }
}
