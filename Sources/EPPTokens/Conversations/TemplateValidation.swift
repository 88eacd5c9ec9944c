import EPPCore
import Synchronization

/// Decides which kinds of chat can be rendered incrementally, from comparisons with renderings of the whole.
///
/// A kind is a model and the members of a request that are not messages (tools, arguments of the template), because these
/// decide what the template does. Any thread may use it.
final class TemplateValidation: Sendable {
  /// Comparisons that must have agreed before incremental rendering of a kind is trusted.
  static let trials = 3
  /// Uses of a trusted kind per comparison.
  static let sampling = 64
  /// Failed comparisons in a row that refute a kind. One alone does not: the template may have changed in between.
  static let failures = 2
  /// Refuted kinds that refute their model, while no kind of the model is trusted. More than one, because a client can make up
  /// kinds that never agree, and must not decide for all clients.
  static let refutedKinds = 3
  /// How long a kind or a model stays refuted: engines may be restarted with another template.
  static let refutation = Duration.seconds(3600)
  /// Shortest time between two checks of the template of a kind. Bounds the cost of chats that never fit and of engines that do
  /// not answer.
  static let pauseOfLooks = Duration.seconds(10)
  /// Kinds that are remembered at most, and models that are refuted at most.
  static let capacity = 1024

  /// A kind of chat, for which comparisons are counted.
  struct Kind: Hashable, Sendable {
    /// The model's name.
    var model: String
    /// Identity of the members of the request that are not messages.
    var settings: PromptIdentity
    /// Whether a message has another role than user and assistant. Some templates render system messages in the last turn;
    /// chats without system messages do not show it.
    var hasOthers: Bool
  }

  /// How a conversation of a kind is to be rendered.
  enum Verdict: Equatable {
    /// Whole; incremental rendering gave other tokens.
    case refuted
    /// Whole, and then incrementally for a comparison.
    case onTrial
    /// Incrementally. With `isSampled`, then whole for a comparison.
    case trusted(isSampled: Bool)
  }

  /// What a failed comparison has refuted.
  enum Refutation: Equatable {
    case kind
    case model
  }

  private struct Record {
    var template: ChatTemplateTokens?
    var agreements = 0
    /// Failed comparisons since the last agreement.
    var failures = 0
    var uses = 0
    /// When the template was last seen to have changed. Tokens that were rendered earlier are not used as heads.
    var changedAt = MonotonicTime(nanoseconds: 0)
    var nextLookAt = MonotonicTime(nanoseconds: 0)
    var refutedUntil = MonotonicTime(nanoseconds: 0)
    var isTrusted: Bool { agreements >= TemplateValidation.trials }

    mutating func startAnew(at time: MonotonicTime) {
      self = Record(failures: failures, changedAt: time, refutedUntil: refutedUntil)
    }
  }

  private struct State {
    var records: [Kind: Record] = [:]
    /// Ends of the refutations of models.
    var refuted: [String: MonotonicTime] = [:]

    func isRefuted(_ kind: Kind, now: MonotonicTime) -> Bool {
      refuted[kind.model].map { now < $0 } ?? false || records[kind].map { now < $0.refutedUntil } ?? false
    }

    /// Refutes a kind, and its model when `refutedKinds` of its kinds are refuted and none is trusted.
    mutating func refute(_ kind: Kind, now: MonotonicTime) -> Refutation {
      let end = now.advanced(by: TemplateValidation.refutation)
      records[kind] = Record(changedAt: now, refutedUntil: end)
      let ofModel = records.filter { $0.key.model == kind.model }
      guard ofModel.count(where: { now < $0.value.refutedUntil }) >= TemplateValidation.refutedKinds,
        !ofModel.contains(where: { $0.value.isTrusted })
      else { return .kind }
      for other in ofModel.keys { records[other] = nil }
      // Any model can be dropped: it is tried again.
      if refuted.count >= TemplateValidation.capacity { refuted.remove(at: refuted.startIndex) }
      refuted[kind.model] = end
      return .model
    }

    mutating func change(_ kind: Kind, _ body: (inout Record) -> Void) {
      // Any kind can be dropped: its template is learned again.
      if records[kind] == nil, records.count >= TemplateValidation.capacity { records.remove(at: records.startIndex) }
      body(&records[kind, default: Record()])
    }
  }

  private let state = Mutex(State())

  /// Number of kinds that are remembered, and of models that are refuted or whose refutation has ended.
  var count: (kinds: Int, models: Int) { state.withLock { ($0.records.count, $0.refuted.count) } }

  /// Returns how a conversation of a kind is to be rendered; counts a use of a trusted kind.
  func verdict(_ kind: Kind, now: MonotonicTime) -> Verdict {
    state.withLock { state in
      guard !state.isRefuted(kind, now: now) else { return .refuted }
      guard let record = state.records[kind], record.isTrusted else { return .onTrial }
      state.change(kind) { $0.uses += 1 }
      return .trusted(isSampled: (record.uses + 1).isMultiple(of: Self.sampling))
    }
  }

  /// The known tokens of the template of a kind; nil when they are not known.
  func template(_ kind: Kind) -> ChatTemplateTokens? { state.withLock { $0.records[kind]?.template } }

  /// Records the tokens of the template of a kind.
  func learn(_ template: ChatTemplateTokens, _ kind: Kind) {
    state.withLock { $0.change(kind) { $0.template = template } }
  }

  /// Whether the template of a kind may be checked now. When true, it is false for all callers in the next `pauseOfLooks`.
  func mayLook(_ kind: Kind, now: MonotonicTime) -> Bool {
    state.withLock { state in
      guard let record = state.records[kind], now >= record.nextLookAt else { return false }
      state.records[kind]?.nextLookAt = now.advanced(by: Self.pauseOfLooks)
      return true
    }
  }

  /// Whether tokens were rendered after the last known change of the template of a kind, so that they can be used as a head.
  func isCurrent(_ tokens: PromptTokens, _ kind: Kind) -> Bool {
    state.withLock { $0.records[kind].map { tokens.renderedAt >= $0.changedAt } ?? true }
  }

  /// Forgets the tokens and comparisons of a kind whose template had changed by `time` (some templates write the date). Ignored
  /// when a later change is known.
  func forget(_ kind: Kind, changedBy time: MonotonicTime) {
    state.withLock { state in
      state.change(kind) { record in
        if time >= record.changedAt { record.startAnew(at: time) }
      }
    }
  }

  /// Records the result of a comparison.
  ///
  /// - Parameter start: When the oldest tokens of the comparison were rendered. The comparison is ignored when the template has
  ///   changed since: it may have compared two templates.
  /// - Returns: What the comparison refutes; nil when it refutes nothing.
  func note(agrees: Bool, _ kind: Kind, from start: MonotonicTime, now: MonotonicTime) -> Refutation? {
    state.withLock { state in
      guard !state.isRefuted(kind, now: now), start >= state.records[kind]?.changedAt ?? start else { return nil }
      var failures = 0
      state.change(kind) { record in
        if agrees {
          record.agreements += 1
          record.failures = 0
        } else {
          record.failures += 1
          record.startAnew(at: now)
        }
        failures = record.failures
      }
      return failures < Self.failures ? nil : state.refute(kind, now: now)
    }
  }

  /// Puts all kinds on trial again, after a wrong prediction. Refutations stay.
  func invalidate(now: MonotonicTime) {
    state.withLock { state in
      for kind in state.records.keys { state.records[kind]?.startAnew(at: now) }
    }
  }
}
