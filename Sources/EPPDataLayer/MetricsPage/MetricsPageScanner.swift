import EPPCore

/// Reads the samples of `EngineFamily` from an engine's metrics page, chunk by chunk as the page arrives.
///
/// A page of 55 KB has about 650 lines, of which a dozen are read. A line is selected by its first thirteen bytes and otherwise
/// only searched for its end, so a page costs one pass over its bytes (budget: 15 µs). Only the numbers that are read are kept,
/// and an incomplete line between two chunks.
///
/// The input may be any bytes: unknown families and malformed lines are skipped. One value serves one connection, keeps its
/// storage from page to page, and is not for use by several threads at once.
package struct MetricsPageScanner: Sendable {
  /// Bytes of the longest line that is read; a longer one may be skipped (vLLM's longest has 1.4 KB).
  package static let longestLine = 64 * 1024

  private let names = NameTable(EngineFamily.names)
  private let configLabels = NameTable(
    EngineFamily.blockTokensLabels.map { ($0, ConfigLabel.blockTokens) }
      + EngineFamily.blocksLabels.map { ($0, ConfigLabel.blocks) })
  private var tables = [SeriesTable](repeating: SeriesTable(), count: EngineFamily.allCases.count)
  private var hasKnownFamily = false
  private var blockTokens: Int?
  private var loRAStamp = -1.0
  private var loRALabels: [UInt8] = []

  private enum ConfigLabel {
    case blockTokens
    case blocks
  }

  /// The beginning of a line whose end has not come yet, and which may be a sample to be read.
  private var begun: [UInt8] = []
  /// Whether the rest of the current line is skipped.
  private var isSkipping = false

  package init() {}

  /// Scans the next bytes of the page; a chunk may end anywhere.
  package mutating func scan(_ chunk: RawSpan) {
    let end = chunk.byteCount
    var start = 0
    if isSkipping || !begun.isEmpty {
      let lineFeed = chunk.firstLineFeed(from: 0)
      if !isSkipping {
        isSkipping = begun.count + lineFeed > Self.longestLine
        if isSkipping { begun.removeAll(keepingCapacity: true) } else { chunk.append(0..<lineFeed, to: &begun) }
      }
      guard lineFeed < end else { return }
      readBegunLine()
      isSkipping = false
      start = lineFeed + 1
    }
    while start < end {
      let isWanted = Self.mayBeWanted(chunk, at: start)
      let lineFeed = chunk.firstLineFeed(from: start)
      if lineFeed == end {
        isSkipping = !isWanted || end - start > Self.longestLine
        if !isSkipping { chunk.append(start..<end, to: &begun) }
        return
      }
      if isWanted { read(chunk, from: start, to: lineFeed) }
      start = lineFeed &+ 1
    }
  }

  /// Returns the values of the page and resets for the next one. Nil when the page has no family of an engine: it is not an
  /// engine's metrics page.
  package mutating func finish() -> EnginePage? {
    readBegunLine()
    defer { reset() }
    return hasKnownFamily ? page : nil
  }

  /// Discards the values of the current page.
  package mutating func reset() {
    for index in tables.indices { tables[index].removeAll() }
    hasKnownFamily = false
    blockTokens = nil
    loRAStamp = -1
    loRALabels.removeAll(keepingCapacity: true)
    begun.removeAll(keepingCapacity: true)
    isSkipping = false
  }

  /// Whether the first bytes of a line can be those of a sample in `EngineFamily`. True when the chunk ends too soon to tell.
  @inline(__always)
  private static func mayBeWanted(_ bytes: RawSpan, at start: Int) -> Bool {
    guard start &+ 15 <= bytes.byteCount else { return true }
    let first = bytes.word(at: start)
    if first & 0x0000_00FF_FFFF_FFFF == 0x0000_003A_6D6C_6C76 {  // "vllm:"
      switch bytes.word(at: start &+ 5) {
      case 0x7571_6572_5F6D_756E,  // "num_requ"
        0x6568_6361_635F_766B,  // "kv_cache"
        0x635F_7869_6665_7270,  // "prefix_c"
        0x6F63_5F65_6863_6163,  // "cache_co"
        0x7165_725F_6172_6F6C,  // "lora_req"
        0x6863_6163_5F75_7067,  // "gpu_cach"
        0x6665_7270_5F75_7067:  // "gpu_pref"
        return true
      default:
        return false
      }
    }
    if first & 0x00FF_FFFF_FFFF_FFFF == 0x003A_676E_616C_6773 { return true }  // "sglang:"
    return first == 0x5F73_7365_636F_7270  // "process_"
  }

  private mutating func readBegunLine() {
    guard !begun.isEmpty else { return }
    var line: [UInt8] = []
    swap(&line, &begun)
    unsafe read(line.span.bytes, from: 0, to: line.count)
    line.removeAll(keepingCapacity: true)
    swap(&line, &begun)
  }

  private mutating func read(_ bytes: RawSpan, from start: Int, to end: Int) {
    var nameEnd = start
    while nameEnd < end, !Self.endsName(bytes.byte(at: nameEnd)) { nameEnd &+= 1 }
    guard let family = names.meaning(of: bytes, start..<nameEnd),
      let line = ExpositionLine(bytes, from: nameEnd, to: end)
    else { return }
    if family != .processStartTime { hasKnownFamily = true }
    switch family {
    case .loRAInfo: noteLoRA(bytes, line)
    case .cacheConfigInfo: noteCacheConfig(bytes, line)
    default:
      // Only SGLang's ranks have series of their own.
      let labels = bytes.byte(at: start) == UInt8(ascii: "s") ? line.engineHash(bytes) : line.labelHash(bytes)
      tables[family.rawValue].note(line.value, labels: labels, timestamp: line.timestamp)
    }
  }

  /// Keeps the labels of the newest LoRA series. The value of a series is the time at which the engine wrote it, and old series
  /// stay on the page: the highest value is the current state.
  private mutating func noteLoRA(_ bytes: RawSpan, _ line: ExpositionLine) {
    guard line.value.isFinite, line.value >= loRAStamp else { return }
    loRAStamp = line.value
    loRALabels.removeAll(keepingCapacity: true)
    bytes.append(line.labels, to: &loRALabels)
  }

  /// Reads block size and number of blocks, which are labels of the family. A rank that has no blocks yet writes `None`.
  private mutating func noteCacheConfig(_ bytes: RawSpan, _ line: ExpositionLine) {
    var tokens: Int?
    var blocks: Double?
    ExpositionLine.forEachLabel(bytes, in: line.labels) { name, value in
      switch configLabels.meaning(of: bytes, name) {
      case .blockTokens:
        tokens = ExpositionNumber.parse(bytes, value).flatMap { $0 >= 1 && $0 < 1e6 ? Int($0) : nil }
      case .blocks:
        blocks = ExpositionNumber.parse(bytes, value).flatMap { $0 >= 1 ? $0 : nil }
      case nil:
        break
      }
    }
    if blockTokens == nil { blockTokens = tokens }
    guard let blocks else { return }
    tables[EngineFamily.cacheConfigInfo.rawValue].note(
      blocks, labels: line.engineHash(bytes), timestamp: line.timestamp)
  }

  private var page: EnginePage {
    var page = EnginePage()
    page.waitingRequests = count(.waitingRequests)
    page.runningRequests = count(.runningRequests)
    page.kvCacheUsage =
      tables[EngineFamily.kvCacheUsage.rawValue].meanShare ?? tables[EngineFamily.kvCacheUsageOld.rawValue].meanShare
    page.cacheBlockTokens = blockTokens
    page.cacheBlocks = count(.cacheConfigInfo)
    page.prefixCacheQueriedTokens = (count(.queriedTokens) ?? count(.queriedTokensOld)).map { UInt64($0) }
    page.prefixCacheHitTokens = (count(.hitTokens) ?? count(.hitTokensOld)).map { UInt64($0) }
    page.loRA = loRAStamp < 0 ? nil : loRA
    page.processStartTime = tables[EngineFamily.processStartTime.rawValue].sum
    return page
  }

  private var loRA: EndpointMetrics.LoRAState {
    var state = EndpointMetrics.LoRAState()
    let bytes = unsafe loRALabels.span.bytes
    ExpositionLine.forEachLabel(bytes, in: 0..<loRALabels.count) { name, value in
      switch ExpositionLine.text(bytes, in: name) {
      case "max_lora":
        state.maximum = ExpositionNumber.parse(bytes, value).flatMap { $0 >= 0 && $0 < 1e6 ? Int($0) : nil } ?? 0
      case "running_lora_adapters": state.running = Self.list(ExpositionLine.text(bytes, in: value))
      case "waiting_lora_adapters": state.waiting = Self.list(ExpositionLine.text(bytes, in: value))
      default: break
      }
    }
    return state
  }

  private func count(_ family: EngineFamily) -> Int? {
    tables[family.rawValue].sum.map { Int(min($0, 1e15).rounded()) }
  }

  private static func list(_ text: String) -> [String] {
    text.split(separator: ",").compactMap { part in
      var name = part
      while name.first == " " { name.removeFirst() }
      while name.last == " " { name.removeLast() }
      return name.isEmpty ? nil : String(name)
    }
  }

  private static func endsName(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "{") || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }
}
