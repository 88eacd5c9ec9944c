import CPrefetch

extension Span {
  /// Begins to bring an element into the processor's caches. A hint, which an index out of range cannot harm.
  @inline(__always)
  func prefetch(_ index: Int) {
    unsafe withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      unsafe epp_prefetch(base + index)
    }
  }
}
