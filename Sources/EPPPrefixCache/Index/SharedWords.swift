import CPrefetch
import Glibc
import Synchronization

/// Words of memory that one thread writes and any number of threads read at the same time, without a lock.
///
/// The only file of the prefix cache with pointers in it. A value is a view, not an owner: whoever allocates one says when
/// no reader can use it any more (`EpochDomain`) and releases it then. Fresh words are 0; pages that are never
/// touched take no memory.
@safe struct SharedWords: @unchecked Sendable {
  // Unchecked: the words behind the pointer are atomics.
  private let base: UnsafeMutablePointer<Atomic<UInt64>>
  /// How many words there are.
  let size: Size

  /// A number of words in whole pages of memory: from four pages on each is at most a quarter larger than the one before.
  struct Size: Equatable, Sendable {
    /// Four to seven (the lower two bits) times a power of two (the others).
    fileprivate let code: Int

    /// The smallest page.
    static let page = Size(words: 512)
    private static let fourPages = Size(words: 2048)

    /// The smallest size with so many words.
    init(words: Int) {
      let words = max(512, words)
      let power = Int.bitWidth - 1 - words.leadingZeroBitCount - 2
      let quarters = (words + (1 << power) - 1) >> power - 4
      var code = power << 2 + quarters
      // Below four pages a quarter is no whole page.
      if words <= 2048, code & 3 != 0 { code = (code | 3) + 1 }
      self.code = code
    }

    private init(code: Int) { self.code = code }

    fileprivate init(packed: UInt64) { code = Int(truncatingIfNeeded: packed) }

    @inline(__always)
    var words: Int { (4 | code & 3) << (code >> 2) }

    /// The next larger one.
    var next: Size { Size(code: code < Self.fourPages.code ? code + 4 : code + 1) }

    /// Half of it, or a little more; nil for a page.
    var half: Size? { self == .page ? nil : Size(words: words / 2) }
  }

  /// From 2 MB on, pages of that size: a probe that misses in the caches then costs one walk less.
  private static let largePageBytes = 2 << 20

  @inline(__always)
  var count: Int { size.words }
  var sizeInBytes: Int { count * MemoryLayout<UInt64>.stride }

  /// - Returns: nil when the system has no memory left.
  init?(size: Size) {
    let bytes = MemoryLayout<UInt64>.stride * size.words
    let memory = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return nil }
    // A wish: without it the words work as well.
    if bytes >= Self.largePageBytes { _ = unsafe madvise(memory, bytes, MADV_HUGEPAGE) }
    unsafe base = memory.bindMemory(to: Atomic<UInt64>.self, capacity: size.words)
    self.size = size
  }

  /// A view that was packed into one word, so that it can itself be published through an atomic; nil for 0.
  @inline(__always)
  init?(packed: UInt64) {
    guard let address = unsafe UnsafeMutablePointer<Atomic<UInt64>>(bitPattern: UInt(packed & ~0xFFF)) else {
      return nil
    }
    unsafe base = address
    size = Size(packed: packed & 0xFFF)
  }

  /// Pages begin at multiples of 4096: the lower 12 bits of the address are free for the size.
  var packed: UInt64 { unsafe UInt64(UInt(bitPattern: base)) | UInt64(size.code) }

  /// Gives the memory back. Nobody may use any view of it afterwards.
  func deallocate() { _ = unsafe munmap(base, sizeInBytes) }

  /// Ends the process for a word that is not one of these, in every build: what lies behind them is other memory.
  @inline(__always)
  private func check(_ index: Int) {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "a word that is none of these")
  }

  /// Sees everything that was written before the value was stored.
  @inline(__always)
  func load(_ index: Int) -> UInt64 {
    check(index)
    return unsafe base[index].load(ordering: .acquiring)
  }

  /// The same for the only writer, or for a word that stands for nothing but itself.
  @inline(__always)
  func loadRelaxed(_ index: Int) -> UInt64 {
    check(index)
    return unsafe base[index].load(ordering: .relaxed)
  }

  /// Begins to bring a word into the processor's caches.
  @inline(__always)
  func prefetch(_ index: Int) {
    check(index)
    unsafe epp_prefetch(base + index)
  }

  /// Publishes what was written before. One thread at a time.
  @inline(__always)
  func store(_ value: UInt64, at index: Int) {
    check(index)
    unsafe base[index].store(value, ordering: .releasing)
  }
}
