/// Sizes and times of lists and watches.
package struct WatchConfiguration: Sendable {
  /// Number of objects of a page.
  package var pageSize = 500
  /// Time for which the server is asked to keep a watch open, in whole seconds. Each watch draws a value of the range.
  ///
  /// The time is short because it limits how long the loss of the peer goes unnoticed: without changes, a server can be silent
  /// as long as the watch lasts.
  package var watchSeconds = 60...90
  /// Time by which a watch can exceed its requested duration before it counts as silent.
  package var silenceGrace = Duration.seconds(10)
  /// Shortest duration of a watch without events; one that ends sooner has failed.
  package var shortestWatch = Duration.seconds(5)
  /// Delay after the first of several consecutive failures.
  package var firstDelay = Duration.milliseconds(250)
  /// Upper limit of the delays after consecutive failures.
  package var longestDelay = Duration.seconds(5)
  /// Delay after an answer that only a change in the cluster can correct: no such resource (404), no permission (403).
  package var accessDelay = Duration.seconds(10)
  /// Largest share of a delay that is cut off, 0..<1.
  package var jitter = 0.5

  package init() {}
}
