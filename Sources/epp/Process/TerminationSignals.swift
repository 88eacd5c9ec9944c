import Glibc
import ServiceLifecycle

/// SIGTERM and SIGINT as the end of a service group, taken by the main thread with `sigwait`.
///
/// They are blocked before the process has a second thread, so that one that comes in the first milliseconds of a start
/// is kept: a handler that is set up later lost it in 1 of 30 starts. The main thread has to wait here itself, for an
/// async main function ends in `dispatch_main`, which takes signals that every other thread blocks.
struct TerminationSignals: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  /// Blocks the signals, for this thread and all that it starts.
  init() {
    (stream, continuation) = AsyncStream<Void>.makeStream()
    var signals = Self.set
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Waits for signals for good: the first ends the service, a second one the process.
  func forward() -> Never {
    _ = Self.next()
    continuation.finish()
    _exit(128 + Self.next())
  }

  /// What ends when a signal comes.
  var service: any Service { Ending(stream: stream) }

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
    precondition(error == 0, "sigwait knows SIGTERM and SIGINT")
    return number
  }

  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    return set
  }
}
