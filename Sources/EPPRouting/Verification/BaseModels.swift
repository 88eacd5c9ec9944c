import Synchronization

/// Names of models that are known not to be LoRA adapters. Any thread may use it.
///
/// Engines' events name adapters and never the base model, so a name that no event has contained may be either.
final class BaseModels: Sendable {
  /// The largest number of names: clients may invent them.
  private static let capacity = 64

  private let names = Mutex<Set<String>>([])

  /// Whether the model is known to be a base model.
  func contains(_ model: String) -> Bool { names.withLock { $0.contains(model) } }

  /// Adds a model, if there is room.
  func insert(_ model: String) {
    names.withLock { names in
      if names.count < Self.capacity { names.insert(model) }
    }
  }
}
