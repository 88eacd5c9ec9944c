package import ServiceLifecycle

extension Service {
  /// Returns when the service group begins to shut down, or when the task is cancelled.
  package static func waitForShutdown() async {
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    await withGracefulShutdownHandler {
      for await _ in stream {}
    } onGracefulShutdown: {
      continuation.finish()
    }
  }
}
