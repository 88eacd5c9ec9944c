import NIOCore

/// Runs a workload with a fixed number of requests in flight.
actor ConverseRunner {
  private typealias Work = (conversation: Int, messages: [ChatMessage])

  private let client: ChatClient
  private let concurrency: Int
  private let reportsProgress: @Sendable (_ done: Int, _ total: Int, _ tally: ConverseTally) -> Void
  private var workload: ConversationWorkload
  private var tally = ConverseTally()
  private var issued = 0
  private var idle: [CheckedContinuation<Void, Never>] = []

  /// Prepares a run.
  ///
  /// - Parameter reportsProgress: Called after every request.
  init(
    workload: ConversationWorkload, client: ChatClient, concurrency: Int,
    reportsProgress: @escaping @Sendable (_ done: Int, _ total: Int, _ tally: ConverseTally) -> Void
  ) {
    self.workload = workload
    self.client = client
    self.concurrency = concurrency
    self.reportsProgress = reportsProgress
  }

  /// Runs the whole workload. Failed requests are counted.
  func run() async -> ConverseTally {
    await withTaskGroup { group in
      for _ in 0..<concurrency { group.addTask { await self.work() } }
    }
    return tally
  }

  private func work() async {
    while let (conversation, messages) = await take() {
      do {
        let answer = try await client.complete(messages)
        tally.add(answer)
        finished(conversation, text: answer.text)
      } catch {
        tally.add(error: "\(error)")
        finished(conversation, text: "")
      }
    }
  }

  /// Returns the next request, and waits while all conversations wait for answers; nil when all requests have been sent.
  private func take() async -> Work? {
    while issued < workload.requestCount {
      if let work = workload.next() {
        issued += 1
        return work
      }
      await withCheckedContinuation { idle.append($0) }
    }
    return nil
  }

  private func finished(_ conversation: Int, text: String) {
    workload.answered(conversation, with: text)
    reportsProgress(tally.completed + tally.failed, workload.requestCount, tally)
    let woken = idle
    idle = []
    for continuation in woken { continuation.resume() }
  }
}
