import EPPCertificates
import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// Adds TLS to the connections of a server, each with the certificate of the moment when it was accepted.
struct TLSChannel<Base: ServerChildChannel>: ServerChildChannel {
  let base: Base
  let certificate: ServerCertificate

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificate.current))
    }.flatMap { base.setup(channel: channel, logger: logger) }
  }

  func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}
