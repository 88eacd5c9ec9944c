package import EPPCore

/// A change of the pool's membership, told to whoever keeps tables by slot.
package enum EndpointChange: Sendable {
  /// A new tenant has taken its slot. Told before a snapshot shows it.
  case added(Endpoint, load: EndpointLoad)
  /// The same tenant with other labels, metrics address or event addresses.
  case updated(Endpoint)
  /// The tenant has gone. Told after a snapshot without it is out, and before its slot is given to another.
  case removed(Endpoint)
}
