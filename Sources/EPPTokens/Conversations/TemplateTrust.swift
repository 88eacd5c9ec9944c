import EPPCore
import Synchronization

/// Which chats can be rendered piece by piece: by model and by the members of a request that are no messages (tools,
/// arguments of the template), for these decide what the template does.
final class TemplateTrust: Sendable {
  /// Whole renderings that must have agreed before a piece is relied on, and how often one is compared later.
  static let trials = 3
  static let sampling = 64
  /// Comparisons that may fail one after the other: the first one when the template has changed meanwhile.
  static let failures = 2
  /// How long a model is refuted: engines may be started with another template.
  static let refutation = Duration.seconds(3600)
  /// How long a template counts as unchanged that was looked at again: chats that never fit must not cost more each time.
  static let confirmation = Duration.seconds(10)
  /// Kinds that are remembered, and models that are refuted; further models count as refuted.
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

  private struct Record {
    var template: ChatTemplateTokens?
    var agreements = 0
    /// Since the last agreement.
    var failures = 0
    var uses = 0
    /// When the template was seen to have changed: what was rendered before is of no use.
    var changedAt = MonotonicTime(nanoseconds: 0)
    var confirmedUntil = MonotonicTime(nanoseconds: 0)

    mutating func startAnew(now: MonotonicTime) { self = Record(failures: failures, changedAt: now) }
  }

  private struct State {
    var records: [Kind: Record] = [:]
    /// Models, and until when.
    var refuted: [String: MonotonicTime] = [:]
    var isFull: Bool { refuted.count >= TemplateTrust.capacity }

    mutating func isRefuted(_ model: String, now: MonotonicTime) -> Bool {
      if isFull { refuted = refuted.filter { now < $0.value } }
      return isFull || refuted[model].map { now < $0 } ?? false
    }

    mutating func change(_ kind: Kind, _ body: (inout Record) -> Void) {
      // Which one goes does not matter: it is learned anew.
      if records[kind] == nil, records.count >= TemplateTrust.capacity { records.remove(at: records.startIndex) }
      body(&records[kind, default: Record()])
    }
  }

  private let state = Mutex(State())

  /// Kinds that are remembered.
  var count: Int { state.withLock { $0.records.count } }

  func verdict(_ kind: Kind, now: MonotonicTime) -> Verdict {
    state.withLock { state in
      guard !state.isRefuted(kind.model, now: now) else { return .refuted }
      guard let record = state.records[kind], record.agreements >= Self.trials else { return .onTrial }
      state.change(kind) { $0.uses += 1 }
      return .trusted(isSampled: (record.uses + 1).isMultiple(of: Self.sampling))
    }
  }

  /// What the template is known to put around messages.
  func template(_ kind: Kind) -> ChatTemplateTokens? { state.withLock { $0.records[kind]?.template } }

  func learn(_ template: ChatTemplateTokens, _ kind: Kind) {
    state.withLock { $0.change(kind) { $0.template = template } }
  }

  /// What is known of a template was looked at again, and is so still.
  func confirm(_ kind: Kind, now: MonotonicTime) {
    state.withLock { state in
      guard state.records[kind] != nil else { return }
      state.records[kind]?.confirmedUntil = now.advanced(by: Self.confirmation)
    }
  }

  /// Whether that was done a moment ago.
  func isConfirmed(_ kind: Kind, now: MonotonicTime) -> Bool {
    state.withLock { $0.records[kind].map { now < $0.confirmedUntil } ?? false }
  }

  /// Since when tokens of a kind of chat must have been rendered to be gone on from.
  func isCurrent(_ tokens: PromptTokens, _ kind: Kind) -> Bool {
    state.withLock { $0.records[kind].map { tokens.renderedAt >= $0.changedAt } ?? true }
  }

  /// The template has changed (some write the date), and is to be learned and tried anew.
  func forget(_ kind: Kind, now: MonotonicTime) { state.withLock { $0.change(kind) { $0.startAnew(now: now) } } }

  /// A comparison has come out.
  ///
  /// - Returns: whether the model is refuted by it.
  func note(agrees: Bool, _ kind: Kind, now: MonotonicTime) -> Bool {
    state.withLock { state in
      guard !state.isRefuted(kind.model, now: now) else { return false }
      var failures = 0
      state.change(kind) { record in
        if agrees {
          record.agreements += 1
          record.failures = 0
        } else {
          record.failures += 1
          record.startAnew(now: now)
        }
        failures = record.failures
      }
      guard failures >= Self.failures else { return false }
      for other in state.records.keys where other.model == kind.model { state.records[other] = nil }
      state.refuted[kind.model] = now.advanced(by: Self.refutation)
      return true
    }
  }

  /// A prediction has proved wrong: all kinds are on trial again.
  func distrust(now: MonotonicTime) {
    state.withLock { state in
      for kind in state.records.keys { state.records[kind]?.startAnew(now: now) }
    }
  }
}
