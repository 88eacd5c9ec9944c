/// Decides how many workers get new calls: one until it is busy, more as the load grows. A value without a clock.
///
/// At 4,000 chunks a second two workers use 1.6 to 2 times as much CPU as one: the core hands each event from the polling
/// thread to the thread of the call, and has to wake a thread that sleeps. So a worker becomes active late, and inactive when
/// the load clearly fits the others. A short burst activates no worker, because a stream stays on its worker: 10,000 streams
/// that are opened in half a second and then mostly idle would keep two threads waking each other.
struct WorkerScaling {
  /// Number of workers that get new calls, 1...maximum.
  private(set) var active = 1
  /// Number of workers.
  let maximum: Int
  /// Begin of the time in which the active workers are busy; nil while they are not.
  private var busySince: UInt64?
  /// Begin of the time in which the load fits one worker less; nil while it does not.
  private var quietSince: UInt64?

  /// Cores per active worker above which a worker is added.
  private let busyShare: Double
  /// How long `busyShare` has to be exceeded, in nanoseconds.
  private static let busyNanoseconds: UInt64 = 1_000_000_000
  /// Cores per remaining worker below which a worker is removed. Work costs less with fewer workers, so the remaining ones use
  /// far less than this.
  private static let quietShare = 0.5
  /// How long the load has to stay below `quietShare`, in nanoseconds.
  private static let quietNanoseconds: UInt64 = 2_000_000_000

  /// Starts with one active worker.
  ///
  /// - Parameters:
  ///   - maximum: Number of workers; at least 1 is taken.
  ///   - busyShare: Cores per active worker above which a worker is added, 0...1.
  init(maximum: Int, busyShare: Double) {
    self.maximum = max(1, maximum)
    self.busyShare = busyShare
  }

  /// Updates `active` by a measurement of all workers' threads together.
  ///
  /// - Parameters:
  ///   - cores: CPU time of the window divided by its length.
  ///   - window: Begin and end of the measurement, in nanoseconds of one clock. Windows are consecutive.
  mutating func measured(cores: Double, window: Range<UInt64>) {
    let isBusy = cores > busyShare * Double(active)
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
