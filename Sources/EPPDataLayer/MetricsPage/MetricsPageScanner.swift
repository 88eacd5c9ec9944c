import EPPCore

/// Reads the samples of a layout from an engine's metrics page, chunk by chunk as the page arrives.
///
/// A page of 55 KB has about 650 lines, of which a dozen are read. A line is selected by its first bytes, at most thirteen, and
/// otherwise only searched for its end, so a page costs one pass over its bytes (budget: 15 µs). Only the numbers that are read
/// are kept, and an incomplete line between two chunks.
///
/// The input may be any bytes: unknown families and malformed lines are skipped. One value serves one connection, keeps its
/// storage from page to page, and is not for use by several threads at once.
package struct MetricsPageScanner: Sendable {
  /// Bytes of the longest line that is read; a longer one may be skipped (vLLM's longest has 1.4 KB).
  package static let longestLine = 64 * 1024

  /// What is read.
  let layout: EnginePageLayout
  private var tables = [SeriesTable](repeating: SeriesTable(), count: EngineFamily.allCases.count)
  private var attributes: [NewestValue]
  private var hasKnownFamily = false
  private var blockTokens: Int?
  private var loRAStamp = -1.0
  private var loRALabels: [UInt8] = []

  /// The beginning of a line whose end has not come yet, and which may be a sample to be read.
  private var begun: [UInt8] = []
  /// Whether the rest of the current line is skipped.
  private var isSkipping = false

  package init(_ layout: EnginePageLayout = .standard) {
    self.layout = layout
    attributes = [NewestValue](repeating: NewestValue(), count: layout.attributeKeys.count)
  }

  /// Scans the next bytes of the page; a chunk may end anywhere.
  package mutating func scan(_ chunk: RawSpan) {
    if layout.isStandard { scan(chunk, StandardLines()) } else { scan(chunk, layout.beginnings) }
  }

  @inline(__always)
  private mutating func scan(_ chunk: RawSpan, _ filter: some LineFilter) {
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
      let isWanted = filter.mayBeWanted(chunk, at: start)
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
    for index in attributes.indices { attributes[index] = NewestValue() }
    hasKnownFamily = false
    blockTokens = nil
    loRAStamp = -1
    loRALabels.removeAll(keepingCapacity: true)
    begun.removeAll(keepingCapacity: true)
    isSkipping = false
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
    guard let name = layout.names.meaning(of: bytes, start..<nameEnd),
      let line = ExpositionLine(bytes, from: nameEnd, to: end)
    else { return }
    // In place: a copy of a reading counts references for each line.
    let readings = layout.readings[name]
    let all = readings.span
    for index in all.indices where line.fulfils(all[index].conditions, bytes) {
      switch all[index].target {
      case .number(let family):
        if family != .processStartTime { hasKnownFamily = true }
        let labels = all[index].hasCopies ? line.engineHash(bytes) : line.labelHash(bytes)
        tables[family.rawValue].note(line.value, labels: labels, timestamp: line.timestamp)
      case .blockTokens:
        hasKnownFamily = true
        if blockTokens == nil, line.value >= 1, line.value < 1e6 { blockTokens = Int(line.value) }
      case .loRA:
        hasKnownFamily = true
        noteLoRA(bytes, line)
      case .cacheInfo(let labels):
        hasKnownFamily = true
        noteCacheInfo(bytes, line, layout.configLabels[labels])
      case .attribute(let index):
        hasKnownFamily = true
        attributes[index].note(line.value, timestamp: line.timestamp)
      case .highest(let index, let factor):
        hasKnownFamily = true
        attributes[index].noteHighest(line.value * factor)
      }
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
  private mutating func noteCacheInfo(
    _ bytes: RawSpan, _ line: ExpositionLine, _ configLabels: NameTable<EnginePageLayout.ConfigLabel>
  ) {
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
    tables[EngineFamily.cacheBlocks.rawValue].note(
      blocks, labels: line.engineHash(bytes), timestamp: line.timestamp)
  }

  private var page: EnginePage {
    var page = EnginePage()
    page.unread = layout.unread
    page.waitingRequests = count(.waitingRequests) ?? count(.pendingRequests)
    page.runningRequests = count(.runningRequests)
    page.kvCacheUsage =
      tables[EngineFamily.kvCacheUsage.rawValue].meanShare ?? tables[EngineFamily.kvCacheUsageOld.rawValue].meanShare
    page.cacheBlockTokens = blockTokens
    page.cacheBlocks = count(.cacheBlocks)
    page.prefixCacheQueriedTokens = (count(.queriedTokens) ?? count(.queriedTokensOld)).map { UInt64($0) }
    page.prefixCacheHitTokens = (count(.hitTokens) ?? count(.hitTokensOld)).map { UInt64($0) }
    page.loRA = loRAStamp < 0 ? nil : loRA
    page.processStartTime = tables[EngineFamily.processStartTime.rawValue].sum
    for (index, key) in layout.attributeKeys.enumerated() { page.attributes[key] = attributes[index].value }
    return page
  }

  private var loRA: LoRAState {
    var maximum = 0
    var (running, waiting): ([String], [String]) = ([], [])
    let bytes = unsafe loRALabels.span.bytes
    ExpositionLine.forEachLabel(bytes, in: 0..<loRALabels.count) { name, value in
      switch ExpositionLine.text(bytes, in: name) {
      case "max_lora":
        maximum = ExpositionNumber.parse(bytes, value).flatMap { $0 >= 0 && $0 < 1e6 ? Int($0) : nil } ?? 0
      case "running_lora_adapters": running = Self.list(ExpositionLine.text(bytes, in: value))
      case "waiting_lora_adapters": waiting = Self.list(ExpositionLine.text(bytes, in: value))
      default: break
      }
    }
    return LoRAState(maximum: maximum, running: running, waiting: waiting)
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
