/// A plugin that can tell how much it remembers, for `GET /debug/plugins/state` on the admin address.
///
/// Scorers, filters, observers and producers may adopt it.
package protocol PluginStateReporting: Sendable {
  /// The report; it becomes a JSON value.
  associatedtype StateReport: Encodable

  /// Returns numbers of what the plugin remembers: never texts, hashes or ids of requests, which an operator need not see.
  ///
  /// Called on other threads than those of requests. It may take locks that requests take, each for a short time.
  func stateReport() -> StateReport
}
