/// The text of a report.
extension IndexReport {
  /// Tables of the parts that were measured.
  var table: String {
    var parts: [String] = []
    if keyNanosecondsPerBlock > 0 {
      parts.append(
        """
        block keys                \(keyNanosecondsPerBlock.decimals(2)) ns a block of 16 tokens
        the engine's own hashes   \(engineHashNanosecondsPerBlock.decimals(0)) ns
        """)
    }
    if !lookups.isEmpty {
      parts.append(lookupTable)
      parts.append(coldMissTable)
    }
    if removalBlocks > 0 {
      parts.append("leaving of an endpoint    \(removalMilliseconds.decimals(1)) ms for \(removalBlocks) blocks")
    }
    if !ingestion.isEmpty { parts.append(ingestionTable) }
    if !memory.isEmpty { parts.append(memoryTable) }
    if let concurrency { parts.append(text(of: concurrency)) }
    if !traces.isEmpty { parts.append(traceTable) }
    if let recorded { parts.append(text(of: recorded)) }
    return parts.joined(separator: "\n\n")
  }

  private var lookupTable: String {
    var table = TextTable(header: ["look-up, µs of CPU", "endpoints", "hot", "hot p99", "flushed"])
    for row in lookups {
      table.add(
        "\(row.blocks) blocks", "\(row.endpoints)", row.hotMicroseconds.decimals(2), row.hotP99.decimals(2),
        row.flushedMicroseconds.decimals(1))
    }
    return table.text
  }

  private var coldMissTable: String {
    var table = TextTable(header: ["prompt that nobody has", "endpoints", "ns"])
    for row in coldMisses { table.add("775 blocks", "\(row.endpoints)", row.nanoseconds.decimals(0)) }
    return table.text
  }

  private var ingestionTable: String {
    var table = TextTable(header: ["events, wire to index", "blocks", "ns a block", "of it decoding", "wire bytes"])
    for row in ingestion {
      table.add(
        row.shape, "\(row.blocks)", row.nanosecondsPerBlock.decimals(0), row.decodeNanosecondsPerBlock.decimals(0),
        row.bytesPerBlockOnWire.decimals(0))
    }
    return table.text
  }

  private var memoryTable: String {
    var table = TextTable(header: ["memory, pairs", "blocks", "resident bytes a pair", "counted"])
    for row in memory {
      table.add(
        "\(row.pairs)", "\(row.blocks)", row.residentBytesPerPair.decimals(1), row.countedBytesPerPair.decimals(1))
    }
    return table.text
  }

  private func text(of run: Concurrency) -> String {
    var text = "writer and reader at once, \(run.endpoints) endpoints, \(run.seconds.decimals(0)) s\n"
    text += "block operations          \(run.operations), \((run.operationsPerSecond / 1e6).decimals(2)) M/s, "
    text += "\((run.writerCore * 100).decimals(0)) % of a core\n"
    text += "look-ups of 775 blocks    \(run.lookups), p50 \(run.lookupP50.decimals(1)) µs, "
    text += "p99 \(run.lookupP99.decimals(1)) µs, longest \(run.lookupMaximum.decimals(1)) µs\n"
    text += "pairs at the end          \(run.pairs), wrong depths \(run.wrongDepths), "
    text += "\(run.residentMegabytes.decimals(0)) MB resident, "
    text += "grown by \(run.grownMegabytes.decimals(1)) MB in the run"
    return text
  }

  private var traceTable: String {
    var table = TextTable(header: [
      "trace", "engines", "stored", "removed", "hit ratio", "ns a block", "look-up p50 µs", "p99", "pairs",
      "bytes a pair",
    ])
    for row in traces {
      table.add(
        row.routing, "\(row.endpoints)", "\(row.storedBlocks)", "\(row.removedBlocks)", row.hitRatio.decimals(3),
        row.nanosecondsPerBlock.decimals(0), row.lookupP50.decimals(2), row.lookupP99.decimals(2), "\(row.pairs)",
        row.countedBytesPerPair.decimals(1))
    }
    let first = traces[0]
    return "\(first.requests) requests of \(first.blocksPerPrompt.decimals(0)) blocks on average\n" + table.text
  }

  private func text(of run: Recorded) -> String {
    var text = "recorded messages         \(run.messages), \(run.pairs) pairs, \(run.blocks) blocks at the end\n"
    text += "CPU                       \(run.cpuSeconds.decimals(3)) s\n"
    text += "grown by                  \(Double(run.proportionalBytes).megabytes), "
    text += "counted \(Double(run.countedBytes).megabytes)"
    for (blocks, lookups) in Dictionary(grouping: run.lookups, by: \.blocks).sorted(by: { $0.key < $1.key }) {
      let mean = lookups.reduce(0) { $0 + $1.microseconds } / Double(lookups.count)
      text += "\nlook-ups of \(blocks) blocks: \(mean.decimals(1)) µs with the keys"
    }
    return text
  }
}
