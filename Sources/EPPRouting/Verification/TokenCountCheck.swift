import EPPCore
import Synchronization

/// Compares the number of token ids found for prompts with the engines' counts, by kind of prompt. Any thread may use it.
///
/// A kind for which wrong token ids are found repeatedly (a tokenizer path that differs from the request's, an engine with
/// another template) is matched by its text for a while, because wrong token ids match nothing and would take precedence over
/// the text.
final class TokenCountCheck: Sendable {
  /// Consecutive differences at which a kind is set aside.
  static let tolerated = 3
  /// How long a kind is set aside.
  static let pause = Duration.seconds(300)
  /// The largest number of kinds: clients may invent them.
  static let capacity = 1024

  private struct Record {
    /// Differences since the last agreement.
    var differences = 0
    var hasAgreed = false
    var setAsideUntil = MonotonicTime(nanoseconds: 0)
  }

  private let records = Mutex<[PromptKind: Record]>([:])

  /// The number of kinds that are remembered.
  var count: Int { records.withLock { $0.count } }

  /// Whether no token ids should be looked for, for a kind of prompt.
  func isSetAside(_ kind: PromptKind, now: MonotonicTime) -> Bool {
    records.withLock { records in records[kind].map { now < $0.setAsideUntil } ?? false }
  }

  /// Records whether an engine's count agrees.
  ///
  /// - Returns: whether token ids of other prompts may be wrong too: this kind agreed before, so something has changed. A kind
  ///   that never agreed says nothing about others.
  func note(agrees: Bool, _ kind: PromptKind, now: MonotonicTime) -> Bool {
    records.withLock { records in
      var record = records[kind] ?? Record()
      // What comes now was sent before the kind was set aside: it says no more than what led to that.
      guard now >= record.setAsideUntil else { return false }
      if agrees {
        record.hasAgreed = true
        record.differences = 0
      } else {
        record.differences += 1
        if record.differences >= Self.tolerated {
          record.setAsideUntil = now.advanced(by: Self.pause)
          // Tried again, it is set aside by the first one that differs.
          record.differences = Self.tolerated - 1
        }
      }
      // Which one goes does not matter: it is learned anew.
      if records[kind] == nil, records.count >= Self.capacity { records.remove(at: records.startIndex) }
      records[kind] = record
      return !agrees && record.hasAgreed
    }
  }
}
