extension AnnouncedBlocks {
  /// One block, in 20 bytes.
  ///
  /// 52 bits of the engine's hash are kept: among a million blocks, two are taken for the same with a probability of 1 in
  /// 8,000, and the check of predictions against the engine's reports corrects that.
  struct Entry {
    // Halves of words, for a word would have to begin at a multiple of 8.
    private var nameLow: UInt32
    private var nameHigh: UInt32
    private var keyLow: UInt32
    private var keyHigh: UInt32
    private var link: UInt32

    /// - Parameters:
    ///   - parent: the number of the block before it plus 1; 0 for the first of a prefix.
    ///   - copies: the number of copies on each tier, four bits for each.
    ///   - children: the number of blocks whose parent this is.
    init(hash: UInt64, key: BlockKey, parent: UInt32, copies: UInt32, children: UInt32 = 0) {
      let name = hash << 12 | UInt64(copies)
      nameLow = UInt32(truncatingIfNeeded: name)
      nameHigh = UInt32(truncatingIfNeeded: name >> 32)
      let block = key.rawValue | UInt64(children & 0xFFF)
      keyLow = UInt32(truncatingIfNeeded: block)
      keyHigh = UInt32(truncatingIfNeeded: block >> 32)
      link = parent | (children >> 12) << Self.numberBits
    }

    /// A free entry.
    ///
    /// - Parameter next: the number of the next free entry plus 1; 0 for the last.
    init(free next: UInt32) {
      self.init(hash: 0, key: BlockKey(rawValue: 0), parent: next, copies: 0, children: Self.free)
    }

    /// The number of children that marks a free entry.
    private static let free: UInt32 = 0xF_FFFF
    /// The largest number of children that is counted; an entry that has reached it keeps it permanently.
    static let maximumChildren: UInt32 = free - 1
    /// Bits of an entry's number.
    static let numberBits: UInt32 = 24
    private static let numberMask: UInt32 = 1 << numberBits - 1
    /// The bits of an engine's hash that are kept.
    static let hashMask = UInt64.max >> 12

    @inline(__always)
    private var name: UInt64 { UInt64(nameHigh) << 32 | UInt64(nameLow) }

    @inline(__always)
    private var block: UInt64 { UInt64(keyHigh) << 32 | UInt64(keyLow) }

    /// The lower 52 bits of the engine's hash.
    @inline(__always)
    var hash: UInt64 { name >> 12 }

    /// The block key; its 12 lower bits, which hold other values here, are cleared.
    @inline(__always)
    var key: BlockKey { BlockKey(rawValue: block) }

    /// The number of the block before it plus 1; 0 for the first of a prefix. In a free entry: of the next free one.
    @inline(__always)
    var parent: UInt32 {
      get { link & Self.numberMask }
      set { link = link & ~Self.numberMask | newValue }
    }

    /// Copies on each tier, four bits for each: GPU lowest, then CPU, then storage.
    @inline(__always)
    var copies: UInt32 {
      get { nameLow & 0xFFF }
      set { nameLow = nameLow & ~0xFFF | newValue }
    }

    /// The number of blocks whose parent this is.
    @inline(__always)
    var children: UInt32 {
      get { keyLow & 0xFFF | (link >> Self.numberBits) << 12 }
      set {
        keyLow = keyLow & ~0xFFF | newValue & 0xFFF
        link = link & Self.numberMask | (newValue >> 12) << Self.numberBits
      }
    }

    /// Whether the entry is not in use.
    @inline(__always)
    var isFree: Bool { children == Self.free }

    /// Whether the number of children has reached `maximumChildren`, so that it is no longer exact.
    var isSaturated: Bool { children == Self.maximumChildren }

    /// Whether the entry has neither copies nor children.
    @inline(__always)
    var isEmpty: Bool { copies == 0 && children == 0 }
  }
}
