package import EPPCore
package import EPPMetrics
package import EPPPrefixCache
package import Logging
import Synchronization
package import ZeroMQ

/// Follows the KV events of all engines of a pool, and applies them to its prefix index.
///
/// One thread owns all sockets and is the only one that applies events. Any thread may call the methods; all except `stop`
/// return at once, and the thread does the work.
package final class KVEventSubscriber: Sendable {
  /// Returns what an earlier process knew of one data-parallel rank of an endpoint; nil when there is nothing.
  package typealias Resuming = @Sendable (Endpoint, Int) -> AnnouncedSnapshot?

  private let thread: SocketThread
  private let mailbox: KVEventMailbox

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - adoption: makes the adoptions of earlier blocks; nil disables them.
  ///   - resuming: called on the thread for each new stream.
  ///   - now: the clock.
  /// - Throws: when the system has no thread or descriptor left, or `bindAddress` cannot be used.
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

  /// The address on which it listens for publishers, with the actual port; nil when it does not listen.
  package var boundAddress: String? { mailbox.boundAddress }

  /// Follows an endpoint, or updates its addresses.
  package func follow(_ endpoint: Endpoint) { mailbox.post(.follow(endpoint)) }

  /// Stops following an endpoint that has left the pool.
  package func unfollow(_ slot: EndpointSlot) { mailbox.post(.unfollow(slot)) }

  /// Learns an endpoint's cache anew, because what is known of it has proved wrong; at most once in 30 seconds.
  package func resynchronise(_ slot: EndpointSlot, _ contradiction: CacheContradiction) {
    mailbox.post(.resynchronise(slot, contradiction))
  }

  /// Reports the start time of an endpoint's process from its metrics page, in seconds since 1970. A later one than before
  /// means that its cache is empty.
  package func noteStart(of slot: EndpointSlot, at time: Double) { mailbox.post(.started(slot, time)) }

  /// Reports a prompt that is sent to an endpoint that holds blocks with unknown parents. Some prompts are used, as time
  /// allows.
  package func notePrompt(_ tokens: [UInt32], to slot: EndpointSlot) { mailbox.post(prompt: tokens, to: slot) }

  /// Reports that an endpoint's engine has cache hits, while no prompt matches the blocks that its events announced.
  package func noteUnmatched(_ slot: EndpointSlot) { mailbox.post(.unmatched(slot)) }

  /// The states of all streams, at most a fraction of a second old.
  package func currentStreams() -> [KVStreamStatus] { mailbox.streams }

  /// Stops the thread and waits until it has ended. Further calls do nothing.
  package func stop() {
    mailbox.post(.stop)
    thread.join()
  }
}
