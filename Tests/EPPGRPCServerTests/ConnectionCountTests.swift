import CGRPCShim
import Glibc
import Testing

@Suite struct ConnectionCountTests {
  @Test func acceptedConnectionsOfAPortAreCountedWhileTheyAreOpen() {
    let first = LoopbackListener()
    let second = LoopbackListener()
    #expect(epp_connections(first.port) == 0)
    var clients = [first.connect(), first.connect()]
    let other = second.connect()
    var accepted = [first.accept(), first.accept()]
    let otherAccepted = second.accept()
    #expect(epp_connections(first.port) == 2 && epp_connections(second.port) == 1)
    close(accepted.removeLast())
    #expect(epp_connections(first.port) == 1)
    close(accepted.removeLast())
    #expect(epp_connections(first.port) == 0 && epp_connections(second.port) == 1)
    while let client = clients.popLast() { close(client) }
    close(other)
    close(otherAccepted)
  }

  @Test func theReasonWhyAPortCannotBeListenedOnIsTold() {
    let taken = LoopbackListener()
    #expect(epp_listen_error("127.0.0.1", taken.port) == EADDRINUSE)
    #expect(epp_listen_error("127.0.0.1", 0) == 0)
    #expect(epp_listen_error("192.0.2.1", 0) == EADDRNOTAVAIL)
    #expect(epp_listen_error("no address", 0) == EADDRNOTAVAIL)
    // Looking takes nothing away.
    #expect(epp_connections(taken.port) == 0)
  }
}

/// A port on loopback that the kernel chose.
private final class LoopbackListener {
  private let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  let port: Int32

  init() {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let socket = descriptor
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        precondition(bind(socket, $0, size) == 0 && listen(socket, 8) == 0 && getsockname(socket, $0, &size) == 0)
      }
    }
    port = Int32(UInt16(bigEndian: address.sin_port))
  }

  deinit { close(descriptor) }

  func accept() -> Int32 { Glibc.accept(descriptor, nil, nil) }

  func connect() -> Int32 {
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = UInt16(port).bigEndian
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        precondition(Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0)
      }
    }
    return client
  }
}
