import NIOCore

/// The clients' connections of one event loop. Used on its loop alone.
final class ProxyClients {
  private enum Client {
    /// The client has not said yet what it speaks.
    case unknown
    case http1(ClientConnection)
    case http2
  }

  private var clients: [ObjectIdentifier: (channel: any Channel, client: Client)] = [:]
  private var ended: EventLoopPromise<Void>?

  func add(_ channel: any Channel) {
    clients[ObjectIdentifier(channel)] = (channel, .unknown)
    let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
    channel.closeFuture.whenComplete { [id = ObjectIdentifier(channel)] _ in bound.value.remove(id) }
  }

  func set(_ connection: ClientConnection, of channel: any Channel) {
    clients[ObjectIdentifier(channel)] = (channel, .http1(connection))
  }

  func setHTTP2(_ channel: any Channel) { clients[ObjectIdentifier(channel)] = (channel, .http2) }

  private func remove(_ id: ObjectIdentifier) {
    clients[id] = nil
    if clients.isEmpty { ended?.succeed() }
  }

  /// Has connections close as soon as no request is on them; `ended` succeeds when there is none left.
  func drain(_ ended: EventLoopPromise<Void>) {
    self.ended = ended
    for (channel, client) in Array(clients.values) {
      switch client {
      case .unknown: channel.close(promise: nil)
      case .http1(let connection): connection.drain()
      case .http2: channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
      }
    }
    if clients.isEmpty { ended.succeed() }
  }

  /// Breaks all connections off.
  func close() { for (channel, _) in Array(clients.values) { channel.close(promise: nil) } }
}
