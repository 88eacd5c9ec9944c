import FoundationEssentials

/// Reads the names of models from the answer to `GET /v1/models`, OpenAI's list of models.
struct ModelListReader: PageReader {
  /// Bytes of the longest list that is read; a longer one counts as no list.
  private static let longest = 1 << 20

  static var mediaType: String { "application/json" }
  static var emptyPage: ScrapeError { .noModels }

  private struct List: Decodable {
    struct Model: Decodable { var id: String }
    var data: [Model]
  }

  private var bytes: [UInt8] = []
  private var isTooLong = false

  mutating func scan(_ chunk: RawSpan) {
    isTooLong = isTooLong || bytes.count + chunk.byteCount > Self.longest
    if !isTooLong { chunk.append(0..<chunk.byteCount, to: &bytes) }
  }

  mutating func finish() -> [String]? {
    defer { reset() }
    guard !isTooLong, let list = try? JSONDecoder().decode(List.self, from: Data(bytes)) else { return nil }
    return list.data.map(\.id)
  }

  mutating func reset() {
    bytes.removeAll()
    isTooLong = false
  }
}
