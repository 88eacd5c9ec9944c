import AsyncHTTPClient
import NIOCore

/// The events of an open watch, read at the speed of the consumer: the server waits while the consumer works.
///
/// One task reads it. The watch is closed when the last copy of this value is released.
package struct WatchStream<Resource: KubernetesResource>: Sendable {
  let body: HTTPClientResponse.Body
  let lineBytes: Int

  /// Passes each event to `body` until the server ends the watch or `body` returns a value.
  ///
  /// - Returns: The value; nil when the server has ended the watch.
  package func forEach<Result>(
    _ body: (WatchEvent<Resource>) async -> Result?
  ) async throws(KubernetesError) -> Result? {
    var splitter = LineSplitter(limit: lineBytes)
    var pieces = self.body.makeAsyncIterator()
    while let piece = try await Self.next(&pieces) {
      splitter.append(piece)
      while let line = try Self.line(&splitter) {
        guard line.readableBytes > 0 else { continue }
        if let result = await body(try KubernetesClient.decode(line)) { return result }
      }
    }
    return nil
  }

  private static func next(_ pieces: inout HTTPClientResponse.Body.AsyncIterator) async throws(KubernetesError)
    -> ByteBuffer?
  {
    do {
      let piece = try await pieces.next()
      // The sequence also ends when the task is cancelled, which is not the end of the response.
      if piece == nil, Task.isCancelled { throw CancellationError() }
      return piece
    } catch {
      throw KubernetesError(connection: error)
    }
  }

  private static func line(_ splitter: inout LineSplitter) throws(KubernetesError) -> ByteBuffer? {
    do throws(LineSplitter.TooLong) { return try splitter.next() } catch { throw .tooLarge(limit: error.limit) }
  }
}
