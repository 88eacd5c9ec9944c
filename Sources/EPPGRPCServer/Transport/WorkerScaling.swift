/// How many workers take new calls: one until it is busy, more as the load grows.
///
/// Two workers cost 1.6 to 2 times as much CPU as one at 4,000 chunks a second: the core hands each event from the thread that
/// polls to the thread of the call, and a thread that sleeps has to be woken. So workers join late and leave when the load
/// would fit fewer of them easily. A short burst makes none join, for a stream stays where it began: 10,000 that were opened
/// in half a second and then say little would keep two threads waking each other. A value without a clock: it is told what was
/// measured.
struct WorkerScaling {
  /// The first `active` workers take new calls.
  private(set) var active = 1
  let maximum: Int
  /// Since when the workers are busy, or the load would fit one less.
  private var busySince: UInt64?
  private var quietSince: UInt64?

  /// A worker joins when the others use more than this share of a core each, for this long.
  private static let busyShare = 0.6
  private static let busyNanoseconds: UInt64 = 1_000_000_000
  /// One leaves when this share of a core each would do for the others, for this long. Work costs less with fewer workers, so
  /// those that stay end up far below `busyShare`.
  private static let quietShare = 0.5
  private static let quietNanoseconds: UInt64 = 2_000_000_000

  init(maximum: Int) { self.maximum = max(1, maximum) }

  /// Takes in what the threads of all workers have used together.
  ///
  /// - Parameters:
  ///   - cores: CPU time divided by the time of the window.
  ///   - window: when the measurement began and ended, in nanoseconds of one clock; windows follow each other.
  mutating func measured(cores: Double, window: Range<UInt64>) {
    let isBusy = cores > Self.busyShare * Double(active)
    let isQuiet = active > 1 && cores < Self.quietShare * Double(active - 1)
    busySince = isBusy ? busySince ?? window.lowerBound : nil
    quietSince = isQuiet ? quietSince ?? window.lowerBound : nil
    if let since = busySince, window.upperBound - since >= Self.busyNanoseconds {
      active = min(active + 1, maximum)
      busySince = window.upperBound
    }
    if let since = quietSince, window.upperBound - since >= Self.quietNanoseconds {
      active -= 1
      quietSince = window.upperBound
    }
  }
}
