import CPrefetch
import Glibc
import Synchronization

/// Words of memory that one thread writes and any number of threads read at the same time, without a lock.
///
/// The only file of the prefix cache with pointers. A value is a view, not an owner: the allocating code determines when no
/// reader can use it any more (`EpochDomain`) and then calls `deallocate`. New words are 0; pages that are never touched take
/// no memory.
@safe struct SharedWords: @unchecked Sendable {
  // Unchecked: the words behind the pointer are atomics.
  private let base: UnsafeMutablePointer<Atomic<UInt64>>
  /// The number of words.
  let size: Size

  /// A number of words in whole pages of memory. From four pages on, each size is at most a quarter larger than the one before.
  struct Size: Equatable, Sendable {
    /// The size is four to seven (the lower two bits plus 4) times a power of two (the upper bits).
    fileprivate let code: Int

    /// One page of 4096 bytes.
    static let page = Size(words: 512)
    private static let fourPages = Size(words: 2048)

    /// The smallest size with at least this many words.
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

    /// The number of words.
    @inline(__always)
    var words: Int { (4 | code & 3) << (code >> 2) }

    /// The next larger size.
    var next: Size { Size(code: code < Self.fourPages.code ? code + 4 : code + 1) }

    /// Half the size, or a little more; nil for one page.
    var half: Size? { self == .page ? nil : Size(words: words / 2) }
  }

  /// From this size on, pages of 2 MB are requested: a probe that misses the caches then needs one page table access less.
  private static let largePageBytes = 2 << 20

  /// The number of words.
  @inline(__always)
  var count: Int { size.words }
  /// The memory in bytes.
  var sizeInBytes: Int { count * MemoryLayout<UInt64>.stride }

  /// Allocates words.
  ///
  /// - Returns: nil when the system has no memory left.
  init?(size: Size) {
    let bytes = MemoryLayout<UInt64>.stride * size.words
    let memory = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return nil }
    // Optional: without it the words work as well.
    if bytes >= Self.largePageBytes { _ = unsafe madvise(memory, bytes, MADV_HUGEPAGE) }
    unsafe base = memory.bindMemory(to: Atomic<UInt64>.self, capacity: size.words)
    self.size = size
  }

  /// Unpacks a view from one word, so that a view can be published through an atomic; nil for 0.
  @inline(__always)
  init?(packed: UInt64) {
    guard let address = unsafe UnsafeMutablePointer<Atomic<UInt64>>(bitPattern: UInt(packed & ~0xFFF)) else {
      return nil
    }
    unsafe base = address
    size = Size(packed: packed & 0xFFF)
  }

  /// The view in one word. Pages begin at multiples of 4096: the lower 12 bits of the address are free for the size.
  var packed: UInt64 { unsafe UInt64(UInt(bitPattern: base)) | UInt64(size.code) }

  /// Frees the memory. No view of it may be used afterwards.
  func deallocate() { _ = unsafe munmap(base, sizeInBytes) }

  /// Ends the process for an index out of range, in every build, because other memory follows the words.
  @inline(__always)
  private func check(_ index: Int) {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "a word that is none of these")
  }

  /// Loads a word with acquire ordering: everything that was written before its store is visible.
  @inline(__always)
  func load(_ index: Int) -> UInt64 {
    check(index)
    return unsafe base[index].load(ordering: .acquiring)
  }

  /// Loads a word with relaxed ordering, for the only writer, or for a word on which no other memory depends.
  @inline(__always)
  func loadRelaxed(_ index: Int) -> UInt64 {
    check(index)
    return unsafe base[index].load(ordering: .relaxed)
  }

  /// Prefetches a word.
  @inline(__always)
  func prefetch(_ index: Int) {
    check(index)
    unsafe epp_prefetch(base + index)
  }

  /// Stores a word with release ordering: publishes everything that was written before. One thread at a time.
  @inline(__always)
  func store(_ value: UInt64, at index: Int) {
    check(index)
    unsafe base[index].store(value, ordering: .releasing)
  }
}
