import Synchronization

/// Ports for publishers: each is given once in the life of the process, so that a publisher that is away finds its own free
/// when it comes back.
///
/// The system gives none of them to anybody by itself: whoever tries to reach a publisher that is away would take a port like
/// that one to come from sooner or later, and be connected to itself.
enum FreePorts {
  private static let given = Mutex<Set<Int>>([])

  /// So many ports in a row. Another process may have taken one of them.
  static func next(_ count: Int = 1) -> Range<Int> {
    given.withLock { given in
      while true {
        let first = Int.random(in: 10_000..<32_768 - count)
        let ports = first..<first + count
        guard given.isDisjoint(with: ports) else { continue }
        given.formUnion(ports)
        return ports
      }
    }
  }
}
