/// A ZeroMQ address such as `tcp://127.0.0.1:5557`.
package struct KVEventEndpoint: Sendable, Equatable {
  /// The address.
  package var text: String

  /// Makes an endpoint of an address, which is not checked.
  package init(_ text: String) { self.text = text }

  /// Whether a publisher binds the address: for all interfaces (`*` or `::`), for a port that the system chooses (`*` or 0),
  /// and for `ipc` and `inproc`. Otherwise it connects, as vLLM's publisher does, and the subscriber has to listen.
  ///
  /// `tcp://[::ffff:127.0.0.1]:5557` listens on 127.0.0.1 only, because the text contains `::`.
  package var isListening: Bool {
    text.contains("*") || text.contains("::") || text.hasSuffix(":0") || text.hasPrefix("ipc://")
      || text.hasPrefix("inproc://")
  }

  /// Whether the address has a port number, or no port.
  var hasFixedPort: Bool { !text.hasPrefix("tcp://") || !(text.hasSuffix(":*") || text.hasSuffix(":0")) }

  /// Returns the address of a data-parallel rank: with `ranks` added to the port. A port that the system chooses is unchanged,
  /// and an address without a port gets a suffix.
  package func moved(by ranks: Int) -> KVEventEndpoint {
    guard ranks > 0 else { return self }
    guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":") else {
      return KVEventEndpoint("\(text)_dp\(ranks)")
    }
    guard let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port) else { return self }
    return KVEventEndpoint("\(text[...colon])\(port + ranks)")
  }
}
