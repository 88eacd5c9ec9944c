import EPPCore
package import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Resolves host names to IP addresses with the operating system's `getaddrinfo`, which blocks its thread until name servers
/// answer or the system gives up.
package struct HostResolver: Sendable {
  private let threads: NIOThreadPool

  /// Makes a resolver.
  ///
  /// - Parameter threads: Run the blocking calls. The caller starts and stops them.
  package init(threads: NIOThreadPool) { self.threads = threads }

  /// A host name that could not be resolved.
  package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The operating system's message.
    package var description: String
  }

  /// Returns the addresses of a host, IPv4 before IPv6, else in the system's order; never empty. An IP literal is its own
  /// address.
  ///
  /// - Throws: `Failure` when there is no address; `CancellationError` as soon as the task is cancelled, even while the system
  ///   call blocks.
  package func addresses(of host: String) async throws -> [String] {
    if IPAddress(host) != nil { return [host] }
    let answer = Answer()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        answer.wait(continuation)
        threads.submit { state in
          guard case .active = state else { return answer.give(.failure(CancellationError())) }
          answer.give(Result { try Self.lookUp(host) })
        }
      }
    } onCancel: {
      answer.give(.failure(CancellationError()))
    }
  }

  /// Passes the first answer to the one that waits for it, and drops later answers. Any thread may use it.
  private final class Answer: Sendable {
    private enum State {
      case open
      case awaited(CheckedContinuation<[String], any Error>)
      case given(Result<[String], any Error>)
      case done
    }

    private let state = Mutex(State.open)

    func wait(_ continuation: CheckedContinuation<[String], any Error>) {
      let given: Result<[String], any Error>? = state.withLock { state in
        guard case .given(let result) = state else {
          state = .awaited(continuation)
          return nil
        }
        state = .done
        return result
      }
      if let given { continuation.resume(with: given) }
    }

    func give(_ result: Result<[String], any Error>) {
      let waiter: CheckedContinuation<[String], any Error>? = state.withLock { state in
        switch state {
        case .open:
          state = .given(result)
          return nil
        case .awaited(let continuation):
          state = .done
          return continuation
        case .given, .done:
          return nil
        }
      }
      waiter?.resume(with: result)
    }
  }

  /// Calls `getaddrinfo`. IPv4 comes first because engines listen on `0.0.0.0` unless told otherwise, while the system puts
  /// `::1` first for `localhost`. The list that `getaddrinfo` returns consists of raw pointers, which do not leave this
  /// function.
  private static func lookUp(_ host: String) throws(Failure) -> [String] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_UNSPEC
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, nil, &hints, &list)
    guard code == 0 else { throw Failure(description: unsafe String(cString: gai_strerror(code))) }
    defer { unsafe freeaddrinfo(list) }
    var inIPv4: [String] = []
    var inIPv6: [String] = []
    var next = unsafe list
    while let entry = unsafe next {
      if let address = unsafe entry.pointee.ai_addr {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let status = unsafe getnameinfo(
          address, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if status == 0, unsafe entry.pointee.ai_family == AF_INET { inIPv4.append(name) }
        if status == 0, unsafe entry.pointee.ai_family == AF_INET6 { inIPv6.append(name) }
      }
      unsafe next = entry.pointee.ai_next
    }
    guard !inIPv4.isEmpty || !inIPv6.isEmpty else { throw Failure(description: "no address") }
    return inIPv4 + inIPv6
  }
}
