import Dispatch
import Glibc
import Logging
import Synchronization

/// Where all lines of the process go: standard error, through a bounded buffer.
///
/// A request thread carries many requests and must not stand still because a container's log pipe is full, so a line is
/// put into a buffer under a lock, and one serial queue writes out whatever has gathered, whole lines at a time. It
/// waits 10 ms for more to gather, because waking it costs several times what writing a line into the buffer does;
/// errors do not wait. Beyond the bound lines are dropped, and the next line that gets through says how many.
package final class LogOutput: Sendable {
  /// Bytes that may wait to be written.
  package static let defaultCapacity = 4 << 20

  package let format: LogFormat
  private let capacity: Int
  private let clock: @Sendable () -> Timestamp
  private let write: @Sendable ([UInt8]) -> Void
  private let verbosityValue: Atomic<Int>
  private let queue = DispatchQueue(label: "epp.log")
  private let pending = Mutex(Pending())

  private struct Pending {
    var bytes: [UInt8] = []
    /// Storage of bytes that were written, to be used again.
    var spare: [UInt8] = []
    var dropped = 0
    /// Whether the queue has been asked to write and has not found the buffer empty since.
    var isDraining = false
  }

  /// - Parameters:
  ///   - clock: Tells the time of a line.
  ///   - write: Writes whole lines; called by one thread at a time, and may block.
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

  /// How much is logged; may be changed at any time, for all loggers of this output at once.
  package var verbosity: Verbosity {
    get { Verbosity(rawValue: verbosityValue.load(ordering: .relaxed)) }
    set { verbosityValue.store(newValue.rawValue, ordering: .relaxed) }
  }

  /// How long lines may gather.
  private static let gatheringTime = DispatchTimeInterval.milliseconds(10)
  /// The largest storage that is kept for later.
  private static let spareCapacity = 64 << 10

  /// Adds one line; `body` writes it at the end of the buffer, its line feed included.
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

  /// Returns once every line added before is written. For the end of the process; blocks while the reader of the log
  /// does not read.
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

  /// Writes to file descriptor 2; bytes that cannot be written, because its other end is gone, are lost.
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
