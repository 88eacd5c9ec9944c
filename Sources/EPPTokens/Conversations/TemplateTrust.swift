import Synchronization

/// Which chats can be rendered piece by piece: by the members of a request that are no messages (model, tools, arguments of
/// the template), for these decide what the template does.
final class TemplateTrust: Sendable {
  /// Whole renderings that must have agreed before a piece is relied on, and how often one is compared later.
  static let trials = 3
  static let sampling = 64
  /// Kinds of requests that are remembered.
  private static let maximumKinds = 1024

  private struct Kind {
    var template: ChatTemplateTokens?
    var agreements = 0
    var isRefuted = false
    var uses = 0
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

  private let kinds = Mutex<[PromptIdentity: Kind]>([:])

  func verdict(_ settings: PromptIdentity) -> Verdict {
    kinds.withLock { kinds in
      if kinds.count >= Self.maximumKinds, kinds[settings] == nil { kinds.removeAll() }
      var kind = kinds[settings] ?? Kind()
      defer { kinds[settings] = kind }
      guard !kind.isRefuted else { return .refuted }
      guard kind.agreements >= Self.trials else { return .onTrial }
      kind.uses += 1
      return .trusted(isSampled: kind.uses % Self.sampling == 0)
    }
  }

  /// What the template is known to put around messages.
  func template(_ settings: PromptIdentity) -> ChatTemplateTokens? { kinds.withLock { $0[settings]?.template } }

  func learn(_ template: ChatTemplateTokens, _ settings: PromptIdentity) {
    kinds.withLock { $0[settings, default: Kind()].template = template }
  }

  /// A comparison has come out.
  ///
  /// - Returns: whether this is the first time that it did not agree.
  func note(agrees: Bool, _ settings: PromptIdentity) -> Bool {
    kinds.withLock { kinds in
      guard !agrees else {
        kinds[settings, default: Kind()].agreements += 1
        return false
      }
      let isNew = kinds[settings]?.isRefuted != true
      kinds[settings, default: Kind()].isRefuted = true
      return isNew
    }
  }

  /// A prediction has proved wrong: all kinds are on trial again.
  func distrust() { kinds.withLock { kinds in for key in kinds.keys { kinds[key]?.agreements = 0 } } }
}
