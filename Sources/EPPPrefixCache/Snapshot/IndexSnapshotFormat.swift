/// The bytes of a snapshot of the index: what engines have announced, and what was sent where, as of some moment.
///
/// Everything is little endian and in words of 8 bytes; texts are padded to whole words with zeros. A file is a header,
/// sections, and an end section, behind which nothing follows.
///
/// **Header**, 8 words: the magic bytes `WARMPIDX`; version (4 bytes) and tokens in a block of text (4); the id of the
/// hash secret (2 words); the mark of how keys are made; the time of writing in seconds since 1970 (a double); 0; the
/// checksum of the seven words before.
///
/// **Section**: kind (4 bytes) and length of the endpoint's identity in bytes (4); data-parallel rank; words of the
/// payload; checksum of these three words; the identity; the payload; checksum of identity and payload. Both checksums
/// start from the header's checksum and the section's number (from 0), so a section of another file, or out of its
/// place, does not pass. A section's length is covered by a checksum of its own, so one that is damaged can be passed
/// over.
///
/// **Announced blocks** (kind 2), of one data-parallel rank of an engine:
///
///     word 0   flags, see `CacheFlags`
///          1   number of the stream's next message
///          2   mark of the message before that
///          3   start of the engine's process, seconds since 1970 (a double)
///          4   KV cache group that is followed
///          5   tokens in a block (4 bytes), entries (4)
///          6   entries in use (4), parents in column 2 (4)
///          7   first free entry plus 1 (4), entry that was looked at last for room (4)
///          8   length of the adapter's name in bytes (4), words of stores that wait (4)
///     then the adapter's name, and
///     column 1  2 bytes for each entry: copies by tier (4 bits each: GPU, CPU, storage), above them `EntryFlags`
///     column 2  4 bytes for each entry whose flags do not tell: the number of its parent plus 1; of a free entry, that of
///               the next free one
///     column 3  2 words for each entry in use: the engine's hash, the block key
///     then stores that wait for their parent, see `WaitingStores+Snapshot`
///
/// Entries keep their numbers, so that a restored cache makes room in the same order as the one that was written.
///
/// **Routed blocks** (kind 3), of one endpoint:
///
///     word 0   tokens that the endpoint's cache holds
///          1   number of the latest use (4 bytes), 0 (4)
///          2   blocks (4), ends of uses (4)
///     column 1  a word for each block: its key
///     column 2  4 bytes for each block: the number of its parent plus 1
///     column 3  4 bytes for each block: the number of its use
///     column 4  4 bytes for each end of a use, the oldest first: the block's number
///
/// **Pool** (kind 1): tokens in a block as announced last; number of adapters; of each the length of its name in bytes and
/// the name.
///
/// **End** (kind 4): number of sections before it; blocks in them.
package enum IndexSnapshotFormat {
  /// The version that this program writes, and the only one that it reads.
  package static let version: UInt32 = 1
  /// `WARMPIDX`.
  static let magic: UInt64 = 0x5844_4950_4D52_4157
  static let headerWords = 8
  /// Of a section, up to its identity.
  static let sectionHeaderWords = 4
  static let wordBytes = MemoryLayout<UInt64>.size

  enum SectionKind: UInt32 {
    case pool = 1
    case announced = 2
    case routed = 3
    case end = 4
  }

  /// Word 0 of announced blocks: which of the values after it mean something, and which tiers were ever used.
  struct CacheFlags: OptionSet {
    let rawValue: UInt64

    static let hasPosition = CacheFlags(rawValue: 1)
    static let hasMark = CacheFlags(rawValue: 1 << 1)
    static let hasStartTime = CacheFlags(rawValue: 1 << 2)
    static let isComplete = CacheFlags(rawValue: 1 << 3)
    /// A group was chosen; `isNumbered` when it has a number.
    static let hasGroup = CacheFlags(rawValue: 1 << 4)
    static let isNumbered = CacheFlags(rawValue: 1 << 5)
    static let hasBlockTokens = CacheFlags(rawValue: 1 << 6)
    static let hasLoRAName = CacheFlags(rawValue: 1 << 7)
    static let usesGPU = CacheFlags(rawValue: 1 << 8)
    static let usesCPU = CacheFlags(rawValue: 1 << 9)
    static let usesStorage = CacheFlags(rawValue: 1 << 10)
    static let all = CacheFlags(rawValue: (1 << 11) - 1)
  }

  /// The upper four bits of an entry in column 1.
  struct EntryFlags: OptionSet {
    let rawValue: UInt16

    static let copies: UInt16 = 0xFFF
    /// Its parent is the entry before it.
    static let follows = EntryFlags(rawValue: 1 << 12)
    /// It has had more children than are counted.
    static let isSaturated = EntryFlags(rawValue: 1 << 13)
    static let isFree = EntryFlags(rawValue: 1 << 14)
    /// It is the first of a prefix; a free entry is the last one.
    static let hasNoParent = EntryFlags(rawValue: 1 << 15)
  }

  /// Words that hold so many elements of a size.
  static func words(_ count: Int, of bytes: Int) -> Int { (count * bytes + wordBytes - 1) / wordBytes }
}
