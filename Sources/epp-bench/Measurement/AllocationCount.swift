import CAllocationCount

/// Allocations of the calling thread.
enum AllocationCount {
  /// Whether they are counted: not in a program with a sanitizer.
  static var isCounted: Bool { epp_counts_allocations() }

  /// Allocations since the thread was started; 0 where they are not counted.
  static func now() -> Int { Int(clamping: epp_allocation_count()) }
}
