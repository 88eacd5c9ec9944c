/// How much of the answers the picker looks at (`--response-processing`).
package enum ResponseProcessing: String, Sendable, CaseIterable {
  /// Every answer: usage, times and in-flight counts of each request.
  case full
  /// One answer in `sampleInterval`; the other streams end with their request.
  case sampled
  /// No answer: each stream ends with its request.
  case none

  /// One in so many answers is looked at when sampling.
  package static let sampleInterval: UInt64 = 16
}
