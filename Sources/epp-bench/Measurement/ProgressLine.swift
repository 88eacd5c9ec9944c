import Synchronization

/// Prints the progress of a long run: one line that is rewritten on a terminal, else a line per tenth.
final class ProgressLine: Sendable {
  private let isQuiet: Bool
  private let lastTenth = Mutex(0)

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  /// Prints the progress. Any thread may call it.
  func show(done: Int, total: Int, of unit: String = "requests", note: String) {
    guard !isQuiet, total > 0 else { return }
    let text = "\(done) of \(total) \(unit), \(note)"
    lastTenth.withLock { last in
      if StandardOutput.isTerminal {
        print("\r\u{1B}[K" + text, terminator: done == total ? "\n" : "")
        StandardOutput.flush()
      } else if done * 10 / total > last {
        last = done * 10 / total
        print(text)
        StandardOutput.flush()
      }
    }
  }
}
