import Dispatch
import Glibc
import Logging
import Synchronization

/// Writes the log lines of the process to standard error, through a buffer of limited size. Any thread may use it.
///
/// A full log pipe must not block a thread that serves requests, so lines are appended to a buffer under a lock, and a serial
/// queue writes them. The queue collects lines for 10 ms, because waking it costs several times as much as appending a line;
/// errors are written at once. When the buffer is full, lines are dropped, and the next line that fits reports their number.
package final class LogOutput: Sendable {
  /// Bytes of the buffer by default.
  package static let defaultCapacity = 4 << 20

  /// The format of the lines.
  package let format: LogFormat
  private let capacity: Int
  private let clock: @Sendable () -> Timestamp
  private let write: @Sendable ([UInt8]) -> Void
  private let verbosityValue: Atomic<Int>
  private let queue = DispatchQueue(label: "epp.log")
  private let pending = Mutex(Pending())

  private struct Pending {
    var bytes: [UInt8] = []
    /// An empty array whose storage is reused for `bytes`.
    var spare: [UInt8] = []
    /// Lines dropped since the last line that fitted.
    var dropped = 0
    /// Whether a write is scheduled, or in progress and has not found the buffer empty yet.
    var isDraining = false
  }

  /// Makes an output with an empty buffer.
  ///
  /// - Parameters:
  ///   - format: The format of the lines.
  ///   - verbosity: How much is logged at first.
  ///   - capacity: Bytes of the buffer.
  ///   - clock: Returns the time of a line.
  ///   - write: Writes whole lines; called on one thread at a time, and may block.
  package init(
    format: LogFormat, verbosity: Verbosity = .normal, capacity: Int = LogOutput.defaultCapacity,
    clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
    write: @escaping @Sendable ([UInt8]) -> Void = { LogOutput.writeToStandardError($0) }
  ) {
    self.format = format
    self.capacity = capacity
    self.clock = clock
    self.write = write
    verbosityValue = Atomic(verbosity.rawValue)
  }

  /// How much is logged, for all loggers of this output. It may be set at any time.
  package var verbosity: Verbosity {
    get { Verbosity(rawValue: verbosityValue.load(ordering: .relaxed)) }
    set { verbosityValue.store(newValue.rawValue, ordering: .relaxed) }
  }

  /// How long lines are collected before they are written.
  private static let gatheringTime = DispatchTimeInterval.milliseconds(10)
  /// Bytes of the largest storage that is kept for reuse.
  private static let spareCapacity = 64 << 10

  /// Adds one line.
  ///
  /// - Parameters:
  ///   - isUrgent: Whether the line is written at once.
  ///   - body: Appends the line with its line feed to the buffer. Called under a lock.
  func appendLine(isUrgent: Bool = false, _ body: (Timestamp, inout [UInt8]) -> Void) {
    let time = clock()
    let mustStart = pending.withLock { pending in
      let start = pending.bytes.count
      if pending.dropped > 0 { appendDropNotice(pending.dropped, time, &pending.bytes) }
      body(time, &pending.bytes)
      if pending.bytes.count > capacity {
        pending.bytes.removeLast(pending.bytes.count - start)
        pending.dropped += 1
        return false
      }
      pending.dropped = 0
      defer { pending.isDraining = true }
      return !pending.isDraining
    }
    if isUrgent {
      queue.async { self.drain() }
    } else if mustStart {
      queue.asyncAfter(deadline: .now() + Self.gatheringTime) { self.drain() }
    }
  }

  /// Writes all lines that were added before, and waits for it. For the end of the process: blocks while the log is not read.
  package func flush() { queue.sync { drain() } }

  private func drain() {
    var bytes: [UInt8] = []
    pending.withLock { pending in swap(&bytes, &pending.spare) }
    while true {
      bytes.removeAll(keepingCapacity: bytes.capacity <= Self.spareCapacity)
      pending.withLock { pending in
        swap(&bytes, &pending.bytes)
        guard bytes.isEmpty else { return }
        pending.isDraining = false
        swap(&bytes, &pending.spare)
      }
      if bytes.isEmpty { return }
      write(bytes)
    }
  }

  private func appendDropNotice(_ count: Int, _ time: Timestamp, _ bytes: inout [UInt8]) {
    let line = LogLine(
      format, time: time, level: .warning, logger: "log",
      message: "lines were dropped because standard error was not read fast enough", to: &bytes)
    line.field("lines", count, to: &bytes)
    line.end(&bytes)
  }

  /// Writes to standard error, and waits until all bytes are written. Bytes are lost when standard error is closed.
  package static func writeToStandardError(_ bytes: [UInt8]) {
    var rest = bytes
    while !rest.isEmpty {
      let written = unsafe Glibc.write(STDERR_FILENO, rest, rest.count)
      if written == rest.count { return }
      if written > 0 {
        rest.removeFirst(written)
      } else if errno == EAGAIN {
        // Whoever started the process made the descriptor non-blocking.
        var descriptor = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        unsafe poll(&descriptor, 1, 1000)
      } else if errno != EINTR {
        return
      }
    }
  }
}
