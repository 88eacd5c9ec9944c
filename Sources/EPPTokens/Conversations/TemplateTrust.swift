import Synchronization

/// Which chats can be rendered piece by piece: by model and by the members of a request that are no messages (tools,
/// arguments of the template), for these decide what the template does.
final class TemplateTrust: Sendable {
  /// Whole renderings that must have agreed before a piece is relied on, and how often one is compared later.
  static let trials = 3
  static let sampling = 64
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
    var uses = 0
  }

  private struct State {
    var records: [Kind: Record] = [:]
    var refuted: Set<String> = []
    var isFull: Bool { refuted.count >= TemplateTrust.capacity }

    mutating func change(_ kind: Kind, _ body: (inout Record) -> Void) {
      // Which one goes does not matter: it is learned anew.
      if records[kind] == nil, records.count >= TemplateTrust.capacity { records.remove(at: records.startIndex) }
      body(&records[kind, default: Record()])
    }
  }

  private let state = Mutex(State())

  /// Kinds that are remembered.
  var count: Int { state.withLock { $0.records.count } }

  func verdict(_ kind: Kind) -> Verdict {
    state.withLock { state in
      guard !state.isFull, !state.refuted.contains(kind.model) else { return .refuted }
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

  /// Pieces were rendered that do not begin as they should: the template has changed (some write the date), and is to be
  /// learned and tried anew.
  func forget(_ kind: Kind) { state.withLock { $0.records[kind] = nil } }

  /// A comparison has come out.
  ///
  /// - Returns: whether the model is refuted by it: it did not agree, for the first time.
  func note(agrees: Bool, _ kind: Kind) -> Bool {
    state.withLock { state in
      guard !agrees else {
        state.change(kind) { $0.agreements += 1 }
        return false
      }
      guard !state.isFull else { return false }
      for other in state.records.keys where other.model == kind.model { state.records[other] = nil }
      return state.refuted.insert(kind.model).inserted
    }
  }

  /// A prediction has proved wrong: all kinds are on trial again.
  func distrust() { state.withLock { $0.records = [:] } }
}
