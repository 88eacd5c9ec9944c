package import EPPCore

/// A replay that is wanted or runs: what it has to show, and how far the question has come.
package struct Replay: Sendable {
  /// How far the question has come.
  package enum Stage: Sendable {
    /// It waits for the end of the pause after earlier failures, if there is one.
    ///
    /// - questions: how often it has been asked for without an answer.
    case wanted(questions: Int)
    /// It waits for its turn among all streams.
    case queued(questions: Int)
    /// It has its turn, and the publisher has been asked.
    case asked(Question)
  }

  /// A question that the publisher has been asked.
  package struct Question: Sendable {
    /// How often the replay has been asked for, this time included.
    package let count: Int
    package let startedAt: MonotonicTime
    package var silence: ReplaySilence
    /// What has come, readable or not.
    package var messages = 0
  }

  /// What all replays together have cost since the stream last knew of nothing that it misses. A publisher that leaves
  /// something out of each replay would keep the stream asking without an end otherwise.
  package struct Cost: Sendable, Equatable {
    /// How often a replay was asked for.
    package var questions = 0
    /// What has come.
    package var messages = 0
    package var bytes = 0
    /// How long those questions have run that are over; to wait for a turn takes none of it.
    package var spent = Duration.zero
  }

  /// The number of the next message to apply, as it was when the replay was wanted.
  package let base: UInt64
  /// The number of the first message that is asked for.
  package let start: UInt64
  /// The message before `base`, as long as the replay has not shown it.
  package var witness: KVMessageID?
  /// Whether a message of it was applied.
  package var hasBrought = false
  package var cost: Cost
  package var stage = Stage.wanted(questions: 0)

  package init(after history: AppliedHistory, cost: Cost) {
    base = history.next
    witness = history.witness
    start = witness?.number ?? base
    self.cost = cost
  }

  /// The question that the publisher has been asked; nil when none is open.
  package var question: Question? { if case .asked(let question) = stage { question } else { nil } }

  /// Whether so much has come that no publisher keeps more.
  package func isExcessive(_ configuration: KVEventsConfiguration) -> Bool {
    cost.messages > configuration.maximumReplayMessages || cost.bytes > configuration.maximumReplayBytes
  }

  /// It is the stream's turn.
  package mutating func ask(at now: MonotonicTime) {
    guard case .queued(let questions) = stage else { return }
    cost.questions += 1
    stage = .asked(Question(count: questions + 1, startedAt: now, silence: ReplaySilence(askedAt: now)))
  }

  /// An answer has come: a message or something that is none.
  package mutating func noteAnswer(bytes: Int, at now: MonotonicTime) {
    guard case .asked(var question) = stage else { return }
    question.silence.noteHeard(now)
    question.messages += 1
    stage = .asked(question)
    cost.messages += 1
    cost.bytes += bytes
  }

  /// The socket has been looked at, and nothing was there.
  package mutating func noteEmpty(at now: MonotonicTime) {
    guard case .asked(var question) = stage else { return }
    question.silence.noteEmpty(now)
    stage = .asked(question)
  }

  /// The question was not answered, and is to be asked once more behind all others that wait.
  package mutating func askAgain(at now: MonotonicTime) {
    guard case .asked(let question) = stage else { return }
    cost = costAtEnd(now)
    stage = .wanted(questions: question.count)
  }

  /// What has been spent when the replay ends at a time.
  package func costAtEnd(_ now: MonotonicTime) -> Cost {
    guard let question else { return cost }
    var cost = cost
    cost.spent += now.duration(since: question.startedAt)
    return cost
  }
}
