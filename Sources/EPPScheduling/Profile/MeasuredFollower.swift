import EPPCore
import EPPMetrics

/// A follower whose calls are measured under the plugin that it belongs to.
final class MeasuredFollower: RequestFollower {
  /// What measures the followers of a plugin.
  struct Durations: Sendable {
    let timing: PluginTiming
    let received: Histogram
    let streaming: Histogram
    let complete: Histogram

    init(_ timing: PluginTiming, _ plugin: ConfiguredPlugin) {
      self.timing = timing
      received = timing.histogram(.responseReceived, plugin)
      streaming = timing.histogram(.responseStreaming, plugin)
      complete = timing.histogram(.responseComplete, plugin)
    }
  }

  private let follower: any RequestFollower
  private let durations: Durations

  init(_ follower: any RequestFollower, _ durations: Durations) {
    self.follower = follower
    self.durations = durations
  }

  func responseStarted(_ answer: inout AnswerStart) {
    var lap = PluginTiming.Lap(durations.timing)
    follower.responseStarted(&answer)
    lap.finish(durations.received)
  }

  func firstToken(now: MonotonicTime) {
    var lap = PluginTiming.Lap(durations.timing)
    follower.firstToken(now: now)
    lap.finish(durations.streaming)
  }

  func answered(_ usage: TokenUsage, _ attributes: inout [ReportedAttribute]) {
    follower.answered(usage, &attributes)
  }

  func ended(_ outcome: RequestOutcome, now: MonotonicTime) {
    var lap = PluginTiming.Lap(durations.timing)
    follower.ended(outcome, now: now)
    lap.finish(durations.complete)
  }
}
