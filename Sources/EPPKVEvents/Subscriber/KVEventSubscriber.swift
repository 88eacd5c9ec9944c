package import EPPCore
package import EPPMetrics
package import EPPPrefixCache
package import Logging
import Synchronization
package import ZeroMQ

/// Follows the KV events of all engines of a pool, and enters them into its prefix index.
///
/// One thread owns all sockets and is the only one that applies events. Every method may be called from any thread and
/// returns at once: what it says is done by that thread.
package final class KVEventSubscriber: Sendable {
  /// What an earlier process knew of one data-parallel rank of an endpoint.
  package typealias Resuming = @Sendable (Endpoint, Int) -> AnnouncedSnapshot?

  private let thread: SocketThread
  private let mailbox: KVEventMailbox

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - adoption: makes what learns an engine's earlier blocks from prompts; nil switches that off.
  ///   - resuming: called on the thread for each stream that begins.
  /// - Throws: when the system has no thread or descriptor left, or `bindAddress` cannot be listened on.
  package init(
    configuration: KVEventsConfiguration, index: PrefixIndex, metrics: PickerMetrics, logger: Logger,
    adoption: LateJoinAdoptionFactory? = nil, resuming: @escaping Resuming = { _, _ in nil },
    now: @escaping @Sendable () -> MonotonicTime
  ) throws(ZeroMQError) {
    let mailbox = KVEventMailbox()
    self.mailbox = mailbox
    let loop = try KVEventLoop(
      mailbox: mailbox, configuration: configuration, index: index, metrics: metrics, logger: logger,
      adoption: adoption, resuming: resuming, now: now)
    thread = try SocketThread(name: "kv-events") { loop.run() }
  }

  deinit { stop() }

  /// Where it listens for publishers that connect to it, with the port that was taken; nil when it does not.
  package var boundAddress: String? { mailbox.boundAddress }

  /// Follows an endpoint, at new addresses where it was followed before.
  package func follow(_ endpoint: Endpoint) { mailbox.post(.follow(endpoint)) }

  /// Stops following an endpoint that has left the pool.
  package func unfollow(_ slot: EndpointSlot) { mailbox.post(.unfollow(slot)) }

  /// What is known of an endpoint's cache is wrong: it is learned anew, at most once in 30 seconds.
  package func resynchronise(_ slot: EndpointSlot, _ contradiction: CacheContradiction) {
    mailbox.post(.resynchronise(slot, contradiction))
  }

  /// The start time of an endpoint's process, seconds since 1970, as its metrics page has it. A later one than before means
  /// that its cache is empty.
  package func noteStart(of slot: EndpointSlot, at time: Double) { mailbox.post(.started(slot, time)) }

  /// A prompt is sent to an endpoint that holds blocks whose parents are not known. Some are used, as time allows.
  package func notePrompt(_ tokens: [UInt32], to slot: EndpointSlot) { mailbox.post(prompt: tokens, to: slot) }

  /// An endpoint's engine reports cached tokens, and no request has matched a block that its events have announced.
  package func noteUnmatched(_ slot: EndpointSlot) { mailbox.post(.unmatched(slot)) }

  /// What is known of every stream, as of a moment ago.
  package func currentStreams() -> [KVStreamStatus] { mailbox.streams }

  /// Stops the thread and waits for its end. A second call does nothing.
  package func stop() {
    mailbox.post(.stop)
    thread.join()
  }
}
