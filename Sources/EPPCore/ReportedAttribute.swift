/// A number about an answered request that the gateway gets as dynamic metadata, for its rate limits and logs.
package struct ReportedAttribute: Sendable, Equatable {
  /// The metadata's namespace, such as `envoy.lb`.
  package let namespace: String
  /// The key in the namespace.
  package let name: String
  /// The value.
  package let value: Double

  package init(namespace: String, name: String, value: Double) {
    self.namespace = namespace
    self.name = name
    self.value = value
  }
}
