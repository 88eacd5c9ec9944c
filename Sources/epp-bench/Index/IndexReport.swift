/// The results of `epp-bench index`. Times are CPU times of the measuring thread, unless stated otherwise. A pair is a block
/// and an endpoint that holds it.
struct IndexReport: Codable {
  /// Times of looking up prompts of one length.
  struct Lookup: Codable {
    /// Blocks of the prompt.
    var blocks: Int
    /// Endpoints of the index.
    var endpoints: Int
    /// Median in microseconds, with all data in the processor's caches.
    var hotMicroseconds: Double
    /// Median in microseconds, after the processor's caches were flushed.
    var flushedMicroseconds: Double
    /// 99th percentile in microseconds, with all data in the processor's caches.
    var hotP99: Double
  }

  /// Time of looking up a prompt that no endpoint holds.
  struct ColdMiss: Codable {
    /// Endpoints of the index.
    var endpoints: Int
    /// Mean in nanoseconds.
    var nanoseconds: Double
  }

  /// Times of decoding and applying messages of one kind.
  struct Ingestion: Codable {
    /// Description of the messages.
    var shape: String
    /// Blocks that were stored or removed.
    var blocks: Int
    /// Time per block, decoding included.
    var nanosecondsPerBlock: Double
    /// Time of decoding per block.
    var decodeNanosecondsPerBlock: Double
    /// Bytes of messages per block.
    var bytesPerBlockOnWire: Double
  }

  /// Memory of an index.
  struct Memory: Codable {
    /// Number of pairs.
    var pairs: Int
    /// Number of blocks.
    var blocks: Int
    /// Growth of the process's resident memory per pair.
    var residentBytesPerPair: Double
    /// Bytes per pair by the index's own statistics.
    var countedBytesPerPair: Double
  }

  /// The results of a run with a writer and a reader thread.
  struct Concurrency: Codable {
    /// Number of engines.
    var endpoints: Int
    /// Length of the run.
    var seconds: Double
    /// Blocks that were stored or removed.
    var operations: Int
    /// Rate of operations.
    var operationsPerSecond: Double
    /// Share of one core that the writer used.
    var writerCore: Double
    /// Number of look-ups.
    var lookups: Int
    /// Median time of a look-up in microseconds.
    var lookupP50: Double
    /// 99th percentile of the time of a look-up in microseconds.
    var lookupP99: Double
    /// Longest time of a look-up in microseconds.
    var lookupMaximum: Double
    /// Number of pairs at the end.
    var pairs: Int
    /// Look-ups with a wrong number of blocks.
    var wrongDepths: Int
    /// Resident memory at the end, in MB.
    var residentMegabytes: Double
    /// Growth of resident memory during the run, in MB.
    var grownMegabytes: Double
  }

  /// The results of a trace's requests on simulated engines.
  struct Trace: Codable {
    /// The routing of requests.
    var routing: String
    /// Number of engines.
    var endpoints: Int
    /// Number of requests.
    var requests: Int
    /// Mean number of blocks of a prompt.
    var blocksPerPrompt = 0.0
    /// Blocks that engines have stored.
    var storedBlocks = 0
    /// Blocks that engines have evicted.
    var removedBlocks = 0
    /// Bytes of all messages.
    var bytesOnWire = 0
    /// Blocks of prompts that were in the cache of the chosen engine.
    var heldBlocks = 0
    /// Share of the blocks of prompts that were in the cache of the chosen engine, 0...1.
    var hitRatio = 0.0
    /// Time of decoding and applying messages, per block that was stored or removed.
    var nanosecondsPerBlock = 0.0
    /// Median time of a look-up in microseconds, without computing keys.
    var lookupP50 = 0.0
    /// 99th percentile of the time of a look-up in microseconds, without computing keys.
    var lookupP99 = 0.0
    /// Number of pairs at the end.
    var pairs = 0
    /// Number of blocks in the index at the end.
    var blocks = 0
    /// Bytes per pair at the end, by the index's own statistics.
    var countedBytesPerPair = 0.0
  }

  /// The results of recorded messages and prompts.
  struct Recorded: Codable {
    /// The result of looking up one prompt.
    struct Lookup: Codable {
      /// Blocks of the prompt.
      var blocks: Int
      /// Mean time of computing keys and looking up.
      var microseconds: Double
      /// Number of leading blocks that each endpoint holds.
      var depths: [Int]
    }

    /// Number of messages.
    var messages = 0
    /// Number of pairs at the end.
    var pairs = 0
    /// Number of blocks in the index at the end.
    var blocks = 0
    /// CPU time of the process for all messages, including reading the file.
    var cpuSeconds = 0.0
    /// Growth of the process's proportional memory, in bytes.
    var proportionalBytes = 0
    /// Bytes of the index by its own statistics.
    var countedBytes = 0
    /// A result for each prompt.
    var lookups: [Lookup] = []
  }

  /// Time of computing the key of a block.
  var keyNanosecondsPerBlock = 0.0
  /// Time of computing the engine's hash of a block: SHA-256 of its pickled tokens.
  var engineHashNanosecondsPerBlock = 0.0
  /// Times of look-ups, by number of endpoints and blocks.
  var lookups: [Lookup] = []
  /// Times of look-ups without a match, by number of endpoints.
  var coldMisses: [ColdMiss] = []
  /// Times of applying messages, by kind.
  var ingestion: [Ingestion] = []
  /// Memory of indexes of different contents.
  var memory: [Memory] = []
  /// Time of removing an endpoint.
  var removalMilliseconds = 0.0
  /// Blocks of the removed endpoint.
  var removalBlocks = 0
  /// The run with two threads; nil when it was left out.
  var concurrency: Concurrency?
  /// Results of the trace, by routing and number of engines.
  var traces: [Trace] = []
  /// Results of recorded messages; nil when there are none.
  var recorded: Recorded?

  /// Why the command fails after all measurements; nil when it does not.
  var failure: String? {
    guard let wrong = concurrency?.wrongDepths, wrong > 0 else { return nil }
    return "\(wrong) look-ups of the concurrent run told a wrong depth"
  }
}
