/// Sizes and times of lists and watches.
package struct WatchConfiguration: Sendable {
  /// Objects asked for at one time.
  package var pageSize = 500
  /// How long the server is asked to keep a watch open, whole seconds; each watch draws its own.
  ///
  /// Short, for it bounds how long a connection without a peer goes unnoticed: a server that has nothing to say may be silent as
  /// long as the watch lasts.
  package var watchSeconds = 60...90
  /// How much later than asked for a watch may end before it counts as silent.
  package var silenceGrace = Duration.seconds(10)
  /// A watch that ends sooner than this and has told nothing has failed.
  package var shortestWatch = Duration.seconds(5)
  /// Delays after failures in a row.
  package var firstDelay = Duration.milliseconds(250)
  package var longestDelay = Duration.seconds(5)
  /// The delay after an answer that somebody has to change the cluster for: no such resource, no permission.
  package var patientDelay = Duration.seconds(10)
  /// 0..<1: the largest share of a delay that is cut off.
  package var jitter = 0.5

  package init() {}
}
