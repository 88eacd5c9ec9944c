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
    var residentMegabytes: Double
  }

  var keyNanosecondsPerBlock = 0.0
  var lookups: [Lookup] = []
  var coldMissNanoseconds = 0.0
  var ingestion: [Ingestion] = []
  var memory: [Memory] = []
  var removalMilliseconds = 0.0
  var removalBlocks = 0
  var concurrency: Concurrency?

  var table: String {
    var text = "block keys                \(keyNanosecondsPerBlock.decimals(2)) ns a block of 16 tokens\n"
    text += "prompt that nobody has    \(coldMissNanoseconds.decimals(0)) ns\n"
    text += "leaving of an endpoint    \(removalMilliseconds.decimals(1)) ms for \(removalBlocks) blocks\n\n"
    var lookups = TextTable(header: ["look-up, µs of CPU", "endpoints", "hot", "hot p99", "flushed"])
    for row in self.lookups {
      lookups.add(
        "\(row.blocks) blocks", "\(row.endpoints)", row.hotMicroseconds.decimals(2), row.hotP99.decimals(2),
        row.flushedMicroseconds.decimals(1))
    }
    text += lookups.text + "\n\n"
    var ingestion = TextTable(header: ["events, wire to index", "blocks", "ns a block", "of it decoding", "wire bytes"])
    for row in self.ingestion {
      ingestion.add(
        row.shape, "\(row.blocks)", row.nanosecondsPerBlock.decimals(0), row.decodeNanosecondsPerBlock.decimals(0),
        row.bytesPerBlockOnWire.decimals(0))
    }
    text += ingestion.text + "\n\n"
    var memory = TextTable(header: ["memory, pairs", "blocks", "resident bytes a pair", "counted"])
    for row in self.memory {
      memory.add(
        "\(row.pairs)", "\(row.blocks)", row.residentBytesPerPair.decimals(1), row.countedBytesPerPair.decimals(1))
    }
    text += memory.text
    if let run = concurrency {
      text += "\n\nwriter and reader at once, \(run.endpoints) endpoints, \(run.seconds.decimals(0)) s\n"
      text += "block operations          \(run.operations), \((run.operationsPerSecond / 1e6).decimals(2)) M/s, "
      text += "\((run.writerCore * 100).decimals(0)) % of a core\n"
      text += "look-ups of 775 blocks    \(run.lookups), p50 \(run.lookupP50.decimals(1)) µs, "
      text += "p99 \(run.lookupP99.decimals(1)) µs, longest \(run.lookupMaximum.decimals(1)) µs\n"
      text += "pairs at the end          \(run.pairs), wrong depths \(run.wrongDepths), "
      text += "\(run.residentMegabytes.decimals(0)) MB resident"
    }
    return text
  }
}
