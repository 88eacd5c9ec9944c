import EPPCore
import EPPMetrics
import Logging
import NIOCore

/// Renders prompts: whole, or what is new in a conversation where that has proved to come out the same.
final class ConversationRenderer: Sendable {
  private let client: RenderClient
  private let cache: TokenCache
  private let trust = TemplateTrust()
  private let isIncremental: Bool
  private let series: TokenSeries
  private let logger: Logger

  init(
    _ client: RenderClient, _ cache: TokenCache, isIncremental: Bool, series: TokenSeries, logger: Logger
  ) {
    self.client = client
    self.cache = cache
    self.isIncremental = isIncremental
    self.series = series
    self.logger = logger
  }

  /// Finds the tokens of a prompt.
  ///
  /// - Parameter finish: called once, as soon as the answer is there; what comes after it is for later prompts.
  func render(
    _ outline: PromptOutline, _ body: ByteBuffer, at engines: [EndpointAddress], finish: (PromptTokens?) -> Void
  ) async {
    let grown = isIncremental ? GrownConversation(outline, body: body, cache: cache) : nil
    let verdict = grown.map { trust.verdict($0.settings) } ?? .refuted
    if let grown, case .trusted(let isSampled) = verdict, let ids = try? await pieces(grown, outline, engines) {
      series.incremental.increment()
      finish(PromptTokens(ids))
      if isSampled, let whole = try? await client.render(body, outline.path, at: engines) { compare(ids, whole, grown) }
      return
    }
    do throws(RenderClient.Failure) {
      let ids = try await client.render(body, outline.path, at: engines)
      series.rendered.increment()
      finish(PromptTokens(ids))
      if let grown, verdict == .onTrial, let pieces = try? await pieces(grown, outline, engines) {
        compare(pieces, ids, grown)
      }
    } catch {
      switch error {
      case .nobody: series.nobody.increment()
      case .refused: series.refused.increment()
      case .failed: series.failed.increment()
      case .unreadable: series.unreadable.increment()
      }
      finish(nil)
    }
  }

  /// A prediction that rests on tokens has proved wrong.
  func distrust() { trust.distrust() }

  /// The tokens by pieces; an error when an engine does not answer, an empty list when they do not fit together.
  private func pieces(
    _ grown: GrownConversation, _ outline: PromptOutline, _ engines: [EndpointAddress]
  ) async throws(RenderClient.Failure) -> [UInt32] {
    var template = trust.template(grown.settings)
    if template == nil {
      let asking = try await client.render(grown.askingBody, outline.path, at: engines)
      let silent = try await client.render(grown.silentBody, outline.path, at: engines)
      template = ChatTemplateTokens(asking: asking, silent: silent)
      if let template { trust.learn(template, grown.settings) }
    }
    guard let template else { return [] }
    let tail = try await client.render(grown.tailBody, outline.path, at: engines)
    return grown.join(template, tail: tail) ?? []
  }

  private func compare(_ pieces: [UInt32], _ whole: [UInt32], _ grown: GrownConversation) {
    let agrees = pieces == whole
    if !agrees { series.mismatches.increment() }
    if trust.note(agrees: agrees, grown.settings) {
      logger.info(
        "the chat template does not render conversations piece by piece: they are rendered whole, which takes longer")
    }
  }
}
