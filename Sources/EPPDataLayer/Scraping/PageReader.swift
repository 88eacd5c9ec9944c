/// Reads the values of a page, chunk by chunk as the page arrives.
protocol PageReader {
  /// The values of a page.
  associatedtype Page

  /// The media type that is asked for.
  static var mediaType: String { get }

  /// The error of a complete page that has no value.
  static var emptyPage: ScrapeError { get }

  /// Reads the next bytes of the page; a chunk may end anywhere.
  mutating func scan(_ chunk: RawSpan)

  /// Returns the values of the page and resets for the next one; nil when the page has none.
  mutating func finish() -> Page?

  /// Discards the values of the current page.
  mutating func reset()
}

extension MetricsPageScanner: PageReader {
  static var mediaType: String { "text/plain" }
  static var emptyPage: ScrapeError { .noEngineMetrics }
}
