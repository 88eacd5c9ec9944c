/// Where an endpoint runs, from the widest to the narrowest place; nil where nothing says it.
package struct EndpointTopology: Hashable, Sendable {
  package var region: String?
  package var zone: String?
  package var rack: String?
  /// The name of the host.
  package var hostname: String?

  /// An unknown place.
  package init() {}

  /// Returns the place that an endpoint's labels tell.
  ///
  /// - Parameter hostname: The host name where no label has one.
  package init(_ labels: [String: String], _ names: Labels, hostname: String? = nil) {
    func value(_ name: String) -> String? { labels[name].flatMap { $0.isEmpty ? nil : $0 } }
    region = value(names.region)
    zone = value(names.zone)
    rack = value(names.rack)
    self.hostname = value(names.hostname) ?? hostname
  }

  /// The names of the labels with the parts of a place.
  package struct Labels: Hashable, Sendable {
    package var hostname = "kubernetes.io/hostname"
    package var rack = "topology.kubernetes.io/rack"
    package var zone = "topology.kubernetes.io/zone"
    package var region = "topology.kubernetes.io/region"

    /// Those of Kubernetes.
    package init() {}
  }
}
