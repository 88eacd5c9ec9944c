import Glibc
package import ServiceLifecycle

/// Ends a service group at SIGTERM or SIGINT, and reports SIGHUP, for which the main thread waits with `sigwait`.
///
/// The signals are blocked before the process has a second thread, so that a signal in the first milliseconds is not lost
/// (measured with a handler that is installed later: 1 of 30 signals lost). The main thread has to call `forward`, because an
/// async main function ends in `dispatch_main`, which receives signals that all other threads block.
package struct ProcessSignals: Sendable {
  /// One element for each SIGHUP; several that come at once may be one.
  package let hangups: AsyncStream<Void>
  private let hangup: AsyncStream<Void>.Continuation
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  /// Blocks the signals in the calling thread and in all threads that it starts.
  package init() {
    (stream, continuation) = AsyncStream<Void>.makeStream()
    (hangups, hangup) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    var signals = Self.set
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Waits for signals, and does not return: the first SIGTERM or SIGINT ends `service`, the second one the process.
  package func forward() -> Never {
    var isEnding = false
    while true {
      let number = Self.next()
      if number == SIGHUP {
        hangup.yield()
      } else if isEnding {
        _exit(128 + number)
      } else {
        isEnding = true
        continuation.finish()
      }
    }
  }

  /// A service that ends at the first signal.
  package var service: any Service { Ending(stream: stream) }

  private struct Ending: Service {
    let stream: AsyncStream<Void>

    func run() async throws {
      await cancelWhenGracefulShutdown {
        for await _ in stream {}
      }
    }
  }

  private static func next() -> CInt {
    var signals = set
    var number: CInt = 0
    let error = unsafe sigwait(&signals, &number)
    precondition(error == 0, "sigwait knows these signals")
    return number
  }

  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    unsafe sigaddset(&set, SIGHUP)
    return set
  }
}
