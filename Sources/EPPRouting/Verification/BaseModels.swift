import Synchronization

/// Names of models that have proved to be no LoRA adapters. Any thread may use it.
///
/// Engines' events name adapters and never the base model, so a name that no event has told may be either.
final class BaseModels: Sendable {
  /// Names that are remembered: clients make them up.
  private static let capacity = 64

  private let names = Mutex<Set<String>>([])

  func contains(_ model: String) -> Bool { names.withLock { $0.contains(model) } }

  func insert(_ model: String) {
    names.withLock { names in
      if names.count < Self.capacity { names.insert(model) }
    }
  }
}
