/// What `epp-bench index` measures; CPU time of the measuring thread throughout.
struct IndexReport: Codable {
  struct Lookup: Codable {
    var blocks: Int
    var endpoints: Int
    /// Median microseconds with everything in the caches, and after they were flushed.
    var hotMicroseconds: Double
    var flushedMicroseconds: Double
    var hotP99: Double
  }

  /// A prompt that nobody has.
  struct ColdMiss: Codable {
    var endpoints: Int
    var nanoseconds: Double
  }

  struct Ingestion: Codable {
    var shape: String
    var blocks: Int
    var nanosecondsPerBlock: Double
    var decodeNanosecondsPerBlock: Double
    var bytesPerBlockOnWire: Double
  }

  struct Memory: Codable {
    var pairs: Int
    var blocks: Int
    /// What the process grew by, and what the index says it takes.
    var residentBytesPerPair: Double
    var countedBytesPerPair: Double
  }

  struct Concurrency: Codable {
    var endpoints: Int
    var seconds: Double
    var operations: Int
    var operationsPerSecond: Double
    /// Share of one core that the writer used.
    var writerCore: Double
    var lookups: Int
    var lookupP50: Double
    var lookupP99: Double
    var lookupMaximum: Double
    var pairs: Int
    var wrongDepths: Int
    /// At the end, and how much more than before the first message.
    var residentMegabytes: Double
    var grownMegabytes: Double
  }

  /// A trace's requests on simulated engines.
  struct Trace: Codable {
    var routing: String
    var endpoints: Int
    var requests: Int
    var blocksPerPrompt = 0.0
    var storedBlocks = 0
    var removedBlocks = 0
    var bytesOnWire = 0
    /// Blocks of prompts that were in the cache of the engine that got them, and their share.
    var heldBlocks = 0
    var hitRatio = 0.0
    /// Wire bytes to index, per block that was stored or removed.
    var nanosecondsPerBlock = 0.0
    /// Microseconds, with the prompt's keys made before.
    var lookupP50 = 0.0
    var lookupP99 = 0.0
    /// At the end.
    var pairs = 0
    var blocks = 0
    var countedBytesPerPair = 0.0
  }

  /// What was recorded for a comparison.
  struct Recorded: Codable {
    struct Lookup: Codable {
      var blocks: Int
      /// Keys and look-up.
      var microseconds: Double
      /// Blocks that each endpoint holds.
      var depths: [Int]
    }

    var messages = 0
    var pairs = 0
    var blocks = 0
    /// CPU of the process from the first message to the last, reading the file included.
    var cpuSeconds = 0.0
    /// What the process grew by, and what the index says it takes.
    var proportionalBytes = 0
    var countedBytes = 0
    var lookups: [Lookup] = []
  }

  var keyNanosecondsPerBlock = 0.0
  /// What the engine's own hash of a block takes: SHA-256 of its pickled tokens.
  var engineHashNanosecondsPerBlock = 0.0
  var lookups: [Lookup] = []
  var coldMisses: [ColdMiss] = []
  var ingestion: [Ingestion] = []
  var memory: [Memory] = []
  var removalMilliseconds = 0.0
  var removalBlocks = 0
  var concurrency: Concurrency?
  var traces: [Trace] = []
  var recorded: Recorded?

  /// Why the command fails though everything was measured; nil when it does not.
  var failure: String? {
    guard let wrong = concurrency?.wrongDepths, wrong > 0 else { return nil }
    return "\(wrong) look-ups of the concurrent run told a wrong depth"
  }
}
