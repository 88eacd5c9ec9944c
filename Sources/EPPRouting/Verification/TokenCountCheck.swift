import EPPCore
import Synchronization

/// Holds the number of token ids that were found for prompts against what engines count, by kind of request. Any thread may
/// use it.
///
/// A kind for which wrong tokens are found again and again (a tokenizer's path that does otherwise than the request's own, an
/// engine with another template) is matched by its text for a while: wrong tokens find nothing, and win over the text.
final class TokenCountCheck: Sendable {
  /// Differences running after which a kind is set aside, and for how long.
  static let tolerated = 3
  static let pause = Duration.seconds(300)
  /// Kinds that are remembered: clients make them up.
  static let capacity = 1024

  private struct Record {
    /// Since the last agreement.
    var differences = 0
    var hasAgreed = false
    var setAsideUntil = MonotonicTime(nanoseconds: 0)
  }

  private let records = Mutex<[PromptKind: Record]>([:])

  /// Kinds that are remembered.
  var count: Int { records.withLock { $0.count } }

  /// Whether no tokens are to be found for a kind of request.
  func isSetAside(_ kind: PromptKind, now: MonotonicTime) -> Bool {
    records.withLock { records in records[kind].map { now < $0.setAsideUntil } ?? false }
  }

  /// An engine has counted a prompt's tokens.
  ///
  /// - Returns: whether others may be wrong too: the kind came out right before, so something has changed. One that never did
  ///   says nothing of the others.
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
