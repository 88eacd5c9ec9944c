import EPPCore
import Synchronization

/// Which chats can be rendered piece by piece: by model and by the members of a request that are no messages (tools,
/// arguments of the template), for these decide what the template does.
final class TemplateValidation: Sendable {
  /// Whole renderings that must have agreed before a piece is relied on, and how often one is compared later.
  static let trials = 3
  static let sampling = 64
  /// Comparisons that may fail one after the other: the first one when the template has changed meanwhile.
  static let failures = 2
  /// Kinds of a model that are refuted, with none that is relied on, after which further ones are not tried: one client can
  /// make up kinds that never fit, and must not decide for the others.
  static let refutedKinds = 3
  /// How long a kind or a model is refuted: engines may be started with another template.
  static let refutation = Duration.seconds(3600)
  /// How long a template is not checked again, whatever the check showed: chats that never fit, and engines that do not answer,
  /// must not cost more each time.
  static let pauseOfLooks = Duration.seconds(10)
  /// Kinds that are remembered, and models that are refuted.
  static let capacity = 1024

  /// What agreements are counted for.
  struct Kind: Hashable, Sendable {
    var model: String
    var settings: PromptIdentity
    /// Whether others than user and assistant speak: some templates write what the system says at the last turn, which
    /// conversations without a system do not show.
    var hasOthers: Bool
  }

  /// What may be done with a conversation that has grown.
  enum Verdict: Equatable {
    /// Pieces do not fit together here.
    case refuted
    /// To be rendered whole, and by pieces to compare.
    case onTrial
    /// To be rendered by pieces; `isSampled`: and whole afterwards, to compare.
    case trusted(isSampled: Bool)
  }

  /// What a comparison has refuted.
  enum Refutation: Equatable {
    case kind
    case model
  }

  private struct Record {
    var template: ChatTemplateTokens?
    var agreements = 0
    /// Since the last agreement.
    var failures = 0
    var uses = 0
    /// When the template was seen to have changed: what was rendered before is of no use.
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
    /// Models, and until when.
    var refuted: [String: MonotonicTime] = [:]

    func isRefuted(_ kind: Kind, now: MonotonicTime) -> Bool {
      refuted[kind.model].map { now < $0 } ?? false || records[kind].map { now < $0.refutedUntil } ?? false
    }

    /// Refutes a kind, and its model when nothing speaks for it.
    mutating func refute(_ kind: Kind, now: MonotonicTime) -> Refutation {
      let end = now.advanced(by: TemplateValidation.refutation)
      records[kind] = Record(changedAt: now, refutedUntil: end)
      let ofModel = records.filter { $0.key.model == kind.model }
      guard ofModel.count(where: { now < $0.value.refutedUntil }) >= TemplateValidation.refutedKinds,
        !ofModel.contains(where: { $0.value.isTrusted })
      else { return .kind }
      for other in ofModel.keys { records[other] = nil }
      // Which one goes does not matter, as below.
      if refuted.count >= TemplateValidation.capacity { refuted.remove(at: refuted.startIndex) }
      refuted[kind.model] = end
      return .model
    }

    mutating func change(_ kind: Kind, _ body: (inout Record) -> Void) {
      // Which one goes does not matter: it is learned anew.
      if records[kind] == nil, records.count >= TemplateValidation.capacity { records.remove(at: records.startIndex) }
      body(&records[kind, default: Record()])
    }
  }

  private let state = Mutex(State())

  /// Kinds that are remembered, and models that are refuted.
  var count: (kinds: Int, models: Int) { state.withLock { ($0.records.count, $0.refuted.count) } }

  func verdict(_ kind: Kind, now: MonotonicTime) -> Verdict {
    state.withLock { state in
      guard !state.isRefuted(kind, now: now) else { return .refuted }
      guard let record = state.records[kind], record.isTrusted else { return .onTrial }
      state.change(kind) { $0.uses += 1 }
      return .trusted(isSampled: (record.uses + 1).isMultiple(of: Self.sampling))
    }
  }

  /// What the template is known to put around messages.
  func template(_ kind: Kind) -> ChatTemplateTokens? { state.withLock { $0.records[kind]?.template } }

  func learn(_ template: ChatTemplateTokens, _ kind: Kind) {
    state.withLock { $0.change(kind) { $0.template = template } }
  }

  /// Whether a template may be checked again: true for the first caller, and then not until the pause is over.
  func mayLook(_ kind: Kind, now: MonotonicTime) -> Bool {
    state.withLock { state in
      guard let record = state.records[kind], now >= record.nextLookAt else { return false }
      state.records[kind]?.nextLookAt = now.advanced(by: Self.pauseOfLooks)
      return true
    }
  }

  /// Since when tokens of a kind of chat must have been rendered to be gone on from.
  func isCurrent(_ tokens: PromptTokens, _ kind: Kind) -> Bool {
    state.withLock { $0.records[kind].map { tokens.renderedAt >= $0.changedAt } ?? true }
  }

  /// The template had changed by a time (some write the date), and is to be learned and tried anew; unless that was seen
  /// to have happened later already.
  func forget(_ kind: Kind, changedBy time: MonotonicTime) {
    state.withLock { state in
      state.change(kind) { record in
        if time >= record.changedAt { record.startAnew(at: time) }
      }
    }
  }

  /// A comparison has come out.
  ///
  /// - Parameter start: when the oldest of its parts was rendered. One from before a change says nothing: it may have
  ///   compared two templates.
  /// - Returns: what is refuted by it.
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

  /// A prediction has proved wrong: all kinds are on trial again.
  func invalidate(now: MonotonicTime) {
    state.withLock { state in
      for kind in state.records.keys { state.records[kind]?.startAnew(at: now) }
    }
  }
}
