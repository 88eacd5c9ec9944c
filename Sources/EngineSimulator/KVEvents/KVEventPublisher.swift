import FoundationEssentials
import NIOPosix
import Synchronization
import ZeroMQ

/// Publishes what changes in an engine's prefix cache, and answers those who ask for earlier batches. Thread-safe.
///
/// One thread has the sockets, as in vLLM: while it answers a question, nothing is published.
package final class KVEventPublisher: Sendable {
  /// With the ports that the system chose.
  package let configuration: KVEventsConfiguration
  private let mailbox: Mailbox
  private let thread: NIOThreadPool

  private init(configuration: KVEventsConfiguration, mailbox: Mailbox, thread: NIOThreadPool) {
    self.configuration = configuration
    self.mailbox = mailbox
    self.thread = thread
  }

  /// Opens the sockets and publishes until `stop`.
  ///
  /// Throws `KVEventPublisherError` when they cannot be opened.
  package static func start(
    _ configuration: KVEventsConfiguration, _ format: KVEventFormat
  ) async throws -> KVEventPublisher {
    let mailbox = Mailbox(KVEventOutbox(configuration, format))
    let thread = NIOThreadPool(numberOfThreads: 1)
    thread.start()
    do {
      let opened = try await withCheckedThrowingContinuation { opened in
        thread.submit { _ in
          do {
            let sockets = try KVEventSockets(configuration, waker: mailbox.waker)
            opened.resume(returning: sockets.configuration)
            mailbox.serve(sockets)
          } catch {
            opened.resume(throwing: error)
          }
        }
      }
      return KVEventPublisher(configuration: opened, mailbox: mailbox, thread: thread)
    } catch {
      try await thread.shutdownGracefully()
      throw error
    }
  }

  /// Publishes a batch; it is numbered now, and sent soon.
  package func publish(_ events: [CacheEvent]) {
    let time = Date().timeIntervalSince1970
    mailbox.change { $0.add(events, time: time) }
  }

  /// Stops everything, or goes on, for the engine hangs or no longer does.
  func setHanging(_ isHanging: Bool) { mailbox.change { $0.isHanging = isHanging } }

  /// Changes what is wrong with the publisher.
  package func changeFaults(_ change: (inout KVEventFaults) -> Void) { mailbox.change { change(&$0.faults) } }

  /// What is wrong with it, and how many batches it has numbered.
  package var state: (faults: KVEventFaults, published: UInt64) { mailbox.read { ($0.faults, $0.published) } }

  /// Closes the sockets. What has not been sent is lost.
  package func stop() async throws {
    mailbox.stop()
    try await thread.shutdownGracefully()
  }
}

extension KVEventPublisher {
  /// What the engine's thread puts in and the publisher's thread takes out.
  private final class Mailbox: Sendable {
    let waker = Waker()
    private let outbox: Mutex<KVEventOutbox>
    private let isStopped = Atomic(false)

    init(_ outbox: KVEventOutbox) { self.outbox = Mutex(outbox) }

    func read<Value: Sendable>(_ work: (KVEventOutbox) -> Value) -> Value { outbox.withLock { work($0) } }

    func change(_ work: (inout KVEventOutbox) -> Void) {
      outbox.withLock { work(&$0) }
      waker.wake()
    }

    func stop() {
      isStopped.store(true, ordering: .releasing)
      waker.wake()
    }

    /// Serves the sockets until `stop`.
    func serve(_ sockets: KVEventSockets) {
      while !isStopped.load(ordering: .acquiring) {
        while let message = outbox.withLock({ $0.nextMessage() }) { sockets.publish(message) }
        let answers = outbox.withLock { $0.answersQuestions }
        while answers, let question = sockets.nextQuestion() {
          for message in outbox.withLock({ $0.answers(to: question) }) { sockets.answer(message) }
        }
        sockets.wait(forQuestions: answers)
      }
    }
  }
}
