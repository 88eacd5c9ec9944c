/// The settings of a load run.
struct LoadSettings: Sendable {
  /// Exchanges open at one time; in an open loop at most.
  var concurrency: Int
  /// Arrivals per second of an open loop; nil for a closed loop.
  var rate: Double?
  /// Seconds before the measured time.
  var warmUp: Double
  /// Seconds of the measured time.
  var duration: Double
  /// Seconds after which an exchange counts as failed.
  var timeout: Double
  /// Process id of the server; nil when its cost is not measured.
  var serverID: Int?
}
