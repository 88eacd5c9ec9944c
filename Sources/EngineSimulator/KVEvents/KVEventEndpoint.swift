/// An address of ZeroMQ, as `tcp://127.0.0.1:5557`.
package struct KVEventEndpoint: Sendable, Equatable {
  package var text: String

  package init(_ text: String) { self.text = text }

  /// Whether a publisher listens there: for all interfaces (`*` or `::`), for a port that the system chooses (`*` or 0),
  /// and inside of the machine. Otherwise it connects, as vLLM's does, and the subscriber has to listen.
  ///
  /// `tcp://[::ffff:127.0.0.1]:5557` listens on 127.0.0.1 alone, since `::` is part of it.
  package var isListening: Bool {
    text.contains("*") || text.contains("::") || text.hasSuffix(":0") || text.hasPrefix("ipc://")
      || text.hasPrefix("inproc://")
  }

  /// Whether the address names its port, or needs none.
  var hasFixedPort: Bool { !text.hasPrefix("tcp://") || !(text.hasSuffix(":*") || text.hasSuffix(":0")) }

  /// The same address so many ports on. A port that the system chooses stays so, and a name gets a number behind it.
  package func moved(by ranks: Int) -> KVEventEndpoint {
    guard ranks > 0 else { return self }
    guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":") else {
      return KVEventEndpoint("\(text)_dp\(ranks)")
    }
    guard let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port) else { return self }
    return KVEventEndpoint("\(text[...colon])\(port + ranks)")
  }
}
