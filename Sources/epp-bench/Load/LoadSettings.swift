/// How a load run is driven.
struct LoadSettings: Sendable {
  /// Exchanges that are open at once; in an open loop the most that may be.
  var concurrency: Int
  /// Arrivals per second of an open loop; nil for a closed loop.
  var rate: Double?
  var warmUp: Double
  var duration: Double
  /// Seconds after which an exchange is given up.
  var timeout: Double
  var serverID: Int?
}
