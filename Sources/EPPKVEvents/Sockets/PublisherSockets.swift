import ZeroMQ

/// The sockets of one stream: the subscription, and one for a replay while it runs. Belongs to the event thread.
final class PublisherSockets {
  private let address: KVStreamAddress
  private let stream: UInt64
  private let context: EventThreadContext
  private var subscription: EventSubscription?
  private var replay: ReplaySocket?
  /// Whether a host name is looked up for an address of IPv6: when none of IPv4 has led anywhere.
  private var triesIPv6 = false

  /// - Parameter stream: the id by which the sockets are reported.
  init(_ address: KVStreamAddress, stream: UInt64, _ context: EventThreadContext) {
    self.address = address
    self.stream = stream
    self.context = context
  }

  var isSubscribed: Bool { subscription != nil }

  /// Subscribes, in the place of a subscription that there is.
  func subscribe() throws(ZeroMQError) {
    unsubscribe()
    guard let events = address.events else { return }
    subscription = try EventSubscription(events, stream: stream, allowsIPv6: allowsIPv6(events), context)
  }

  func unsubscribe() {
    subscription?.close()
    subscription = nil
  }

  /// Takes the next live message into `EventThreadContext.message`; false when there is none.
  func receive() -> Bool { subscription?.receive() ?? false }

  /// What has happened to the connection since the last call, one by one.
  func nextConnectionEvent() -> ConnectionMonitor.Event? { subscription?.nextConnectionEvent() }

  /// Asks for all messages from a number on.
  func ask(from number: UInt64) throws(ZeroMQError) {
    guard let address = address.replay else { return }
    replay = try ReplaySocket(address, from: number, stream: stream, allowsIPv6: allowsIPv6(address), context)
  }

  /// Takes the replay's next answer into `EventThreadContext.message`; false when there is none, nil when no replay runs.
  func receiveReplay() -> Bool? { replay?.receive() }

  func closeReplay() {
    replay?.close()
    replay = nil
  }

  /// Has names looked up for the other kind of address from now on.
  func changeAddressKind() { if address.hasName { triesIPv6.toggle() } }

  /// Whether the library is to look up an address of IPv6. It takes the first address of the kind that is allowed: with
  /// IPv6 allowed, a name that has both kinds never leads to a publisher that listens on IPv4 alone.
  private func allowsIPv6(_ address: String) -> Bool { address.contains("[") || triesIPv6 }
}
