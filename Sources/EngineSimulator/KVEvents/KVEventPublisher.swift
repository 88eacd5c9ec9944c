import FoundationEssentials
import NIOPosix
import Synchronization
import ZeroMQ

/// Publishes an engine's KV events over ZeroMQ, and replays earlier batches. Any thread may use it.
///
/// One thread uses the sockets, as in vLLM: nothing is published while it answers a replay request.
package final class KVEventPublisher: Sendable {
  /// The configuration, with the ports that the system has chosen.
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
  /// - Throws: `KVEventPublisherError` when the sockets cannot be opened.
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

  /// Numbers a batch, and sends it soon on the publisher's thread.
  package func publish(_ events: [CacheEvent]) {
    let time = Date().timeIntervalSince1970
    mailbox.change { $0.add(events, time: time) }
  }

  /// Sets whether the engine has the fault `hang`, during which nothing is sent.
  func setHanging(_ isHanging: Bool) { mailbox.change { $0.isHanging = isHanging } }

  /// Changes the simulated faults of the publisher.
  package func changeFaults(_ change: (inout KVEventFaults) -> Void) { mailbox.change { change(&$0.faults) } }

  /// The simulated faults, and the number of batches since the start.
  package var state: (faults: KVEventFaults, published: UInt64) { mailbox.read { ($0.faults, $0.published) } }

  /// Closes the sockets. Batches that have not been sent are lost.
  package func stop() async throws {
    mailbox.stop()
    try await thread.shutdownGracefully()
  }
}

extension KVEventPublisher {
  /// The outbox that the engine's thread fills and the publisher's thread empties.
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

/// Why a publisher of KV events cannot open a socket.
package struct KVEventPublisherError: Error, CustomStringConvertible {
  let endpoint: KVEventEndpoint
  let reason: String

  package var description: String {
    "cannot publish KV events on \(endpoint.text): \(reason). Change the endpoint in --kv-events-config; tcp://127.0.0.1:* "
      + "takes any port that is free."
  }
}
