/// How many of the answers the picker reads (`--response-processing`).
package enum ResponseProcessing: String, Sendable, CaseIterable {
  /// Every answer is read: usage, times and in-flight counts of each request.
  case full
  /// One answer in `sampleInterval` is read; the ext_proc streams of the others end with their request.
  case sampled
  /// No answer is read: each ext_proc stream ends with its request.
  case none

  /// With `sampled`, one answer out of this many is read.
  package static let sampleInterval: UInt64 = 16
}
