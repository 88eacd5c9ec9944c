import CPrefetch

extension Span {
  /// Prefetches an element. An index out of range is harmless.
  @inline(__always)
  func prefetch(_ index: Int) {
    unsafe withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      unsafe epp_prefetch(base + index)
    }
  }
}
