import EPPCore
import Glibc

/// A port of 127.0.0.1 that is bound and refuses connections until a server listens on its socket.
final class ReservedPort {
  /// The address that refuses connections.
  let address: EndpointAddress
  private var socket: CInt?

  init() throws {
    let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    guard socket >= 0 else { throw Failure() }
    self.socket = socket
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = unsafe withUnsafeMutablePointer(to: &name) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        unsafe bind(socket, name, size) == 0 && getsockname(socket, name, &size) == 0
      }
    }
    address = EndpointAddress(host: "127.0.0.1", port: UInt16(bigEndian: name.sin_port))
    guard isBound else { throw Failure() }
  }

  deinit { if let socket { close(socket) } }

  /// The socket, for the server that will own it. To be called once.
  func takeSocket() throws -> CInt {
    guard let socket else { throw Failure() }
    self.socket = nil
    return socket
  }

  private struct Failure: Error {
    let code = errno
  }
}
