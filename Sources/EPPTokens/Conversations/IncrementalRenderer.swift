import EPPCore
import EPPMetrics
import Logging
import NIOCore
import Synchronization

/// Renders only the new messages of a conversation where comparisons have shown that the result equals rendering the whole;
/// elsewhere renders the whole. Any thread may use it.
final class IncrementalRenderer: PromptRendering {
  private let whole: WholeRenderer
  private let cache: TokenCache
  private let validation = TemplateValidation()
  private let maximumComparisons: Int
  private let series: TokenSeries
  private let logger: Logger
  private let now: @Sendable () -> MonotonicTime
  /// Comparisons in progress.
  private let comparisons = Atomic(0)

  /// Makes a renderer.
  ///
  /// - Parameters:
  ///   - whole: Renders prompts that cannot be rendered incrementally.
  ///   - cache: Holds the tokens of the heads of conversations.
  ///   - now: Returns the current time.
  init(
    _ whole: WholeRenderer, _ cache: TokenCache, _ configuration: TokenSourceConfiguration, series: TokenSeries,
    logger: Logger, now: @escaping @Sendable () -> MonotonicTime
  ) {
    self.whole = whole
    self.cache = cache
    maximumComparisons = configuration.maximumComparisons
    self.series = series
    self.logger = logger
    self.now = now
  }

  func render(_ question: RenderQuestion, finish: (PromptTokens?) -> Void) async {
    let start = now()
    guard let grown = grown(question, now: start) else { return await whole.render(question, finish: finish) }
    let verdict = validation.verdict(grown.kind, now: start)
    var doesNotFit = false
    if case .trusted(let isSampled) = verdict {
      switch await joined(grown, question) {
      case .fitting(let ids):
        series.incremental.increment()
        finish(PromptTokens(ids, renderedAt: grown.head.renderedAt))
        if isSampled { await compareWithWhole(ids, grown, question) }
        return
      case .unfitting: doesNotFit = true
      case .missing: break
      }
    }
    var rendered: PromptTokens?
    await whole.render(question) { tokens in
      rendered = tokens
      finish(tokens)
    }
    guard let rendered else { return }
    if verdict == .onTrial { await compareWithPieces(rendered.ids, grown, question) }
    if doesNotFit { await forgetIfChanged(grown, question, by: rendered.renderedAt) }
  }

  func invalidate(now: MonotonicTime) { validation.invalidate(now: now) }

  private func grown(_ question: RenderQuestion, now: MonotonicTime) -> GrownConversation? {
    GrownConversation(question.outline, model: question.model, body: question.body) { identity, kind in
      guard let tokens = cache.tokens(of: identity, now: now), validation.isCurrent(tokens, kind) else { return nil }
      return tokens
    }
  }

  // MARK: - Pieces

  /// The result of rendering the new messages alone.
  private enum Joined {
    /// The tokens of the whole conversation.
    case fitting([UInt32])
    /// The tokens cannot be joined.
    case unfitting
    /// An engine did not give tokens.
    case missing
  }

  private func joined(_ grown: GrownConversation, _ question: RenderQuestion) async -> Joined {
    do throws(RenderClient.Failure) {
      var template = validation.template(grown.kind)
      if template == nil {
        let asking = try await whole.ask(grown.askingBody, question)
        let silent = try await whole.ask(grown.silentBody, question)
        template = ChatTemplateTokens(asking: asking, silent: silent)
        if let template { validation.learn(template, grown.kind) }
      }
      guard let template else { return .unfitting }
      let tail = try await whole.ask(grown.tailBody, question)
      return grown.join(template, tail: tail).map { .fitting($0) } ?? .unfitting
    } catch {
      return .missing
    }
  }

  /// Renders the short message again, and forgets the template's tokens when they differ from the known ones. A chat that
  /// cannot be joined does not prove that the template has changed: the template may treat the messages of one client
  /// differently.
  ///
  /// - Parameter time: When the whole conversation was rendered, after the failed attempt to join. A changed template had
  ///   changed by then, so tokens rendered at `time` or later stay usable.
  private func forgetIfChanged(_ grown: GrownConversation, _ question: RenderQuestion, by time: MonotonicTime) async {
    guard beginComparison() else { return }
    defer { endComparison() }
    guard let known = validation.template(grown.kind), validation.mayLook(grown.kind, now: now()) else { return }
    guard let asking = try? await whole.ask(grown.askingBody, question),
      let silent = try? await whole.ask(grown.silentBody, question)
    else { return }
    if ChatTemplateTokens(asking: asking, silent: silent) != known { validation.forget(grown.kind, changedBy: time) }
  }

  // MARK: - Comparisons

  private func compareWithPieces(_ wholeIDs: [UInt32], _ grown: GrownConversation, _ question: RenderQuestion) async {
    guard beginComparison() else { return }
    defer { endComparison() }
    switch await joined(grown, question) {
    case .fitting(let ids): note(agrees: ids == wholeIDs, grown)
    case .unfitting: note(agrees: false, grown)
    case .missing: break
    }
  }

  private func compareWithWhole(_ ids: [UInt32], _ grown: GrownConversation, _ question: RenderQuestion) async {
    guard beginComparison() else { return }
    defer { endComparison() }
    let asked = now()
    guard let wholeIDs = try? await whole.ask(question.body, question) else { return }
    // The next request gets these tokens, which are right and newer.
    cache.insert(PromptTokens(wholeIDs, renderedAt: asked), for: question.outline.identity)
    note(agrees: ids == wholeIDs, grown)
  }

  private func note(agrees: Bool, _ grown: GrownConversation) {
    if !agrees { series.mismatches.increment() }
    let model = Logger.MetadataValue.string(grown.kind.model)
    switch validation.note(agrees: agrees, grown.kind, from: grown.head.renderedAt, now: now()) {
    // Clients can make up any number of kinds.
    case .kind: logger.debug("conversations of a kind are rendered whole from now on", metadata: ["model": model])
    case .model:
      logger.info(
        "the chat template does not render conversations piece by piece: they are rendered whole, which takes longer",
        metadata: ["model": model])
    case nil: break
    }
  }

  private func beginComparison() -> Bool {
    guard comparisons.add(1, ordering: .relaxed).newValue > maximumComparisons else { return true }
    endComparison()
    return false
  }

  private func endComparison() { comparisons.subtract(1, ordering: .relaxed) }
}
