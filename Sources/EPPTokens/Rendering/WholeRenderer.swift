import EPPCore
import EPPMetrics
import NIOCore

/// Renders each prompt as a whole. Any thread may use it.
final class WholeRenderer: PromptRendering {
  private let client: RenderClient
  private let series: TokenSeries
  private let now: @Sendable () -> MonotonicTime

  init(_ client: RenderClient, series: TokenSeries, now: @escaping @Sendable () -> MonotonicTime) {
    self.client = client
    self.series = series
    self.now = now
  }

  func render(_ question: RenderQuestion, finish: (PromptTokens?) -> Void) async {
    do throws(RenderClient.Failure) {
      let asked = now()
      let ids = try await ask(question.body, question)
      series.rendered.increment()
      finish(PromptTokens(ids, renderedAt: asked))
    } catch {
      switch error {
      case .nobody: series.nobody.increment()
      case .absent, .refused: series.refused.increment()
      case .failed: series.failed.increment()
      case .unreadable: series.unreadable.increment()
      }
      finish(nil)
    }
  }

  func invalidate(now: MonotonicTime) {}

  /// Returns the tokens of a body, from the engines, paths and model of a question.
  func ask(_ body: ByteBuffer, _ question: RenderQuestion) async throws(RenderClient.Failure) -> [UInt32] {
    try await client.render(body, question.outline.paths, model: question.model, at: question.engines)
  }
}
