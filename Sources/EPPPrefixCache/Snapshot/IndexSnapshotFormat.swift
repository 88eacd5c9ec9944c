/// The file format of a snapshot of the index: what engines have announced, and what was routed where, as of one moment.
///
/// Everything is little endian and in words of 8 bytes; texts are padded to whole words with zeros. A file consists of a
/// header, sections, and an end section, after which nothing follows.
///
/// **Header**, 8 words: the magic bytes `WARMPIDX`; version (4 bytes) and tokens in a block of text (4); the id of the
/// hash secret (2 words); the key form (`IndexSnapshotKeySpace`); the time of writing in seconds since 1970 (a double); 0; the
/// checksum of the seven words before.
///
/// **Section**: kind (4 bytes) and length of the endpoint's identity in bytes (4); data-parallel rank; words of the
/// payload; checksum of these three words; the identity; the payload; checksum of identity and payload. Both checksums
/// start from the header's checksum plus the section's number (from 0), so a section of another file, or in another position,
/// is detected. A section's length has a checksum of its own, so a damaged section can be skipped.
///
/// **Announced blocks** (kind 2), of one data-parallel rank of an engine:
///
///     word 0   flags, see `CacheFlags`
///          1   number of the stream's next message
///          2   mark of the message before that
///          3   start of the engine's process, seconds since 1970 (a double)
///          4   number of the KV cache group that is indexed
///          5   tokens in a block (4 bytes), entries (4)
///          6   entries in use (4), parents in column 2 (4)
///          7   first free entry plus 1 (4), entry that was examined last to make room (4)
///          8   length of the adapter's name in bytes (4), words of waiting stores (4)
///     then the adapter's name, and
///     column 1  2 bytes for each entry: copies by tier (4 bits each: GPU, CPU, storage), above them `EntryFlags`
///     column 2  4 bytes for each entry whose flags do not say: the number of its parent plus 1; of a free entry, that of
///               the next free one
///     column 3  2 words for each entry in use: the engine's hash, the block key
///     then stores that wait for their parent, see `WaitingStores.write(to:)`
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
/// **Pool** (kind 1): tokens in a block as announced last; number of adapters; for each adapter the length of its name in bytes
/// and the name.
///
/// **End** (kind 4): number of sections before it; blocks in them.
package enum IndexSnapshotFormat {
  /// The version that this program writes, and the only one that it reads.
  package static let version: UInt32 = 1
  /// `WARMPIDX`.
  static let magic: UInt64 = 0x5844_4950_4D52_4157
  static let headerWords = 8
  /// Words of a section before its identity.
  static let sectionHeaderWords = 4
  static let wordBytes = MemoryLayout<UInt64>.size

  /// The kind of a section.
  enum SectionKind: UInt32 {
    case pool = 1
    case announced = 2
    case routed = 3
    case end = 4
  }

  /// Word 0 of announced blocks: which of the following values are present, and which tiers were ever used.
  struct CacheFlags: OptionSet {
    let rawValue: UInt64

    static let hasPosition = CacheFlags(rawValue: 1)
    static let hasMark = CacheFlags(rawValue: 1 << 1)
    static let hasStartTime = CacheFlags(rawValue: 1 << 2)
    static let isComplete = CacheFlags(rawValue: 1 << 3)
    /// A group is indexed.
    static let hasGroup = CacheFlags(rawValue: 1 << 4)
    /// The indexed group has a number.
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

    /// The lower bits of an entry in column 1: the copies on each tier.
    static let copies: UInt16 = 0xFFF
    /// The entry's parent is the entry before it.
    static let follows = EntryFlags(rawValue: 1 << 12)
    /// The entry's number of children has reached the largest that is counted.
    static let isSaturated = EntryFlags(rawValue: 1 << 13)
    static let isFree = EntryFlags(rawValue: 1 << 14)
    /// The entry is the first of a prefix; a free entry: the last free one.
    static let hasNoParent = EntryFlags(rawValue: 1 << 15)
  }

  /// The number of words for `count` elements of `bytes` bytes.
  static func words(_ count: Int, of bytes: Int) -> Int { (count * bytes + wordBytes - 1) / wordBytes }
}
