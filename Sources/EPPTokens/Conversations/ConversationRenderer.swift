import EPPCore
import EPPMetrics
import Logging
import NIOCore
import Synchronization

/// Renders prompts: whole, or what is new in a conversation where that has proved to come out the same.
final class ConversationRenderer: Sendable {
  /// A prompt to be rendered.
  struct Question: Sendable {
    let outline: PromptOutline
    let model: String
    let body: ByteBuffer
    /// Who can be asked.
    let engines: [EndpointAddress]
  }

  private let client: RenderClient
  private let cache: TokenCache
  private let trust = TemplateTrust()
  private let configuration: TokenSourceConfiguration
  private let series: TokenSeries
  private let logger: Logger
  private let now: @Sendable () -> MonotonicTime
  /// Comparisons that are going on.
  private let comparisons = Atomic(0)

  init(
    _ client: RenderClient, _ cache: TokenCache, _ configuration: TokenSourceConfiguration, series: TokenSeries,
    logger: Logger, now: @escaping @Sendable () -> MonotonicTime
  ) {
    self.client = client
    self.cache = cache
    self.configuration = configuration
    self.series = series
    self.logger = logger
    self.now = now
  }

  /// Finds the tokens of a prompt.
  ///
  /// - Parameter finish: called once, as soon as the answer is there; what comes after it is for later prompts.
  func render(_ question: Question, finish: (PromptTokens?) -> Void) async {
    let start = now()
    let grown = configuration.rendersIncrementally ? grown(question, now: start) : nil
    let verdict = grown.map { trust.verdict($0.kind, now: start) } ?? .refuted
    var doesNotFit = false
    if let grown, case .trusted(let isSampled) = verdict {
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
    do throws(RenderClient.Failure) {
      let asked = now()
      let ids = try await whole(question)
      series.rendered.increment()
      finish(PromptTokens(ids, renderedAt: asked))
      if let grown, verdict == .onTrial { await compareWithPieces(ids, grown, question) }
      if let grown, doesNotFit { await forgetIfChanged(grown, question, by: asked) }
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

  /// A prediction that rests on tokens has proved wrong. Both halves are dropped together and as rarely: an engine that
  /// contradicts all the time must not keep all conversations of all models on trial.
  func distrust() {
    let now = now()
    if cache.invalidate(now: now) { trust.distrust(now: now) }
  }

  private func grown(_ question: Question, now: MonotonicTime) -> GrownConversation? {
    GrownConversation(question.outline, model: question.model, body: question.body) { identity, kind in
      guard let tokens = cache.tokens(of: identity, now: now), trust.isCurrent(tokens, kind) else { return nil }
      return tokens
    }
  }

  private func whole(_ question: Question) async throws(RenderClient.Failure) -> [UInt32] {
    try await ask(question.body, question)
  }

  private func ask(_ body: ByteBuffer, _ question: Question) async throws(RenderClient.Failure) -> [UInt32] {
    try await client.render(body, question.outline.paths, model: question.model, at: question.engines)
  }

  // MARK: - Pieces

  /// What comes of rendering the new messages alone.
  private enum Joined {
    case fitting([UInt32])
    /// They are not what should stand there.
    case unfitting
    /// An engine did not answer.
    case missing
  }

  private func joined(_ grown: GrownConversation, _ question: Question) async -> Joined {
    do throws(RenderClient.Failure) {
      var template = trust.template(grown.kind)
      if template == nil {
        let asking = try await ask(grown.askingBody, question)
        let silent = try await ask(grown.silentBody, question)
        template = ChatTemplateTokens(asking: asking, silent: silent)
        if let template { trust.learn(template, grown.kind) }
      }
      guard let template else { return .unfitting }
      let tail = try await ask(grown.tailBody, question)
      return grown.join(template, tail: tail).map { .fitting($0) } ?? .unfitting
    } catch {
      return .missing
    }
  }

  /// A chat that does not fit says little of the others: one client's messages may be such that the template treats them in
  /// its own way. The template has changed when a short message comes out otherwise than before.
  ///
  /// - Parameter time: after what did not fit. A template that has changed had done so by then, and the whole that was asked
  ///   for since is to be gone on from.
  private func forgetIfChanged(_ grown: GrownConversation, _ question: Question, by time: MonotonicTime) async {
    guard takePlace() else { return }
    defer { leavePlace() }
    guard let known = trust.template(grown.kind), trust.mayLook(grown.kind, now: now()) else { return }
    guard let asking = try? await ask(grown.askingBody, question),
      let silent = try? await ask(grown.silentBody, question)
    else { return }
    if ChatTemplateTokens(asking: asking, silent: silent) != known { trust.forget(grown.kind, changedBy: time) }
  }

  // MARK: - Comparisons

  private func compareWithPieces(_ whole: [UInt32], _ grown: GrownConversation, _ question: Question) async {
    guard takePlace() else { return }
    defer { leavePlace() }
    switch await joined(grown, question) {
    case .fitting(let ids): note(agrees: ids == whole, grown)
    case .unfitting: note(agrees: false, grown)
    case .missing: break
    }
  }

  private func compareWithWhole(_ ids: [UInt32], _ grown: GrownConversation, _ question: Question) async {
    guard takePlace() else { return }
    defer { leavePlace() }
    let asked = now()
    guard let whole = try? await whole(question) else { return }
    // Whoever asks next gets the right ones, and fresh.
    cache.insert(PromptTokens(whole, renderedAt: asked), for: question.outline.identity)
    note(agrees: ids == whole, grown)
  }

  private func note(agrees: Bool, _ grown: GrownConversation) {
    if !agrees { series.mismatches.increment() }
    let model = Logger.MetadataValue.string(grown.kind.model)
    switch trust.note(agrees: agrees, grown.kind, from: grown.head.renderedAt, now: now()) {
    // Clients can make up any number of kinds.
    case .kind: logger.debug("conversations of a kind are rendered whole from now on", metadata: ["model": model])
    case .model:
      logger.info(
        "the chat template does not render conversations piece by piece: they are rendered whole, which takes longer",
        metadata: ["model": model])
    case nil: break
    }
  }

  private func takePlace() -> Bool {
    guard comparisons.add(1, ordering: .relaxed).newValue > configuration.maximumComparisons else { return true }
    leavePlace()
    return false
  }

  private func leavePlace() { comparisons.subtract(1, ordering: .relaxed) }
}
