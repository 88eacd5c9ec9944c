package import EPPCore

/// A needed or running replay of missing messages.
package struct Replay: Sendable {
  /// How far the request for the replay has come.
  package enum Stage: Sendable {
    /// Waits for the end of the pause after earlier failures, if any.
    ///
    /// - questions: the number of unanswered requests so far.
    case wanted(questions: Int)
    /// Waits for its turn among all streams.
    case queued(questions: Int)
    /// The publisher has been asked.
    case asked(Question)
  }

  /// An open request to the publisher.
  package struct Question: Sendable {
    /// The number of requests for this replay, this one included.
    package let count: Int
    /// When the request was sent.
    package let startedAt: MonotonicTime
    /// How long nothing has arrived.
    package var silence: ReplaySilence
    /// Answers to this request, readable or not.
    package var messages = 0
  }

  /// The total cost of the replays for one gap: since the stream last had no missing message. It bounds the replays from a
  /// publisher whose answers are always incomplete.
  package struct Cost: Sendable, Equatable {
    /// Replay requests.
    package var questions = 0
    /// Answers, readable or not.
    package var messages = 0
    /// Bytes of the answers.
    package var bytes = 0
    /// The duration of finished requests, without the time in the queue.
    package var spent = Duration.zero
  }

  /// The number of the next message to apply when the replay became necessary.
  package let base: UInt64
  /// The number of the first requested message.
  package let start: UInt64
  /// The message before `base` that the replay has to contain; nil once it has arrived, or when there is none.
  package var witness: KVMessageID?
  /// Whether a message of the replay was applied.
  package var hasBrought = false
  /// The cost of this and the preceding replays for the gap.
  package var cost: Cost
  /// How far the request has come.
  package var stage = Stage.wanted(questions: 0)

  /// - Parameters:
  ///   - history: the messages applied so far.
  ///   - cost: the cost of preceding replays for the gap.
  package init(after history: AppliedHistory, cost: Cost) {
    base = history.next
    witness = history.witness
    start = witness?.number ?? base
    self.cost = cost
  }

  /// The open request; nil when there is none.
  package var question: Question? { if case .asked(let question) = stage { question } else { nil } }

  /// Whether more has arrived for the gap than any publisher keeps.
  package func isExcessive(_ configuration: KVEventsConfiguration) -> Bool {
    cost.messages > configuration.maximumReplayMessages || cost.bytes > configuration.maximumReplayBytes
  }

  /// Starts a request, at the stream's turn.
  package mutating func ask(at now: MonotonicTime) {
    guard case .queued(let questions) = stage else { return }
    cost.questions += 1
    stage = .asked(Question(count: questions + 1, startedAt: now, silence: ReplaySilence(askedAt: now)))
  }

  /// Records an answer, readable or not.
  package mutating func noteAnswer(bytes: Int, at now: MonotonicTime) {
    guard case .asked(var question) = stage else { return }
    question.silence.noteHeard(now)
    question.messages += 1
    stage = .asked(question)
    cost.messages += 1
    cost.bytes += bytes
  }

  /// Records that the socket was read and had no answer.
  package mutating func noteEmpty(at now: MonotonicTime) {
    guard case .asked(var question) = stage else { return }
    question.silence.noteEmpty(now)
    stage = .asked(question)
  }

  /// Ends an unanswered request, so that the replay is requested again at a later turn.
  package mutating func askAgain(at now: MonotonicTime) {
    guard case .asked(let question) = stage else { return }
    cost = costAtEnd(now)
    stage = .wanted(questions: question.count)
  }

  /// The cost if the replay ends at `now`.
  package func costAtEnd(_ now: MonotonicTime) -> Cost {
    guard let question else { return cost }
    var cost = cost
    cost.spent += now.duration(since: question.startedAt)
    return cost
  }
}
