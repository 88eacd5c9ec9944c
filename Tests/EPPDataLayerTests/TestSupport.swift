import EPPCore
import Foundation
import Logging
import Synchronization
import Testing

@testable import EPPDataLayer

/// A directory that is removed with the value.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "endpoint-watch-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name), options: .atomic)
  }
}

func fixture(_ name: String) throws -> [UInt8] {
  let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "txt"))
  return [UInt8](try Data(contentsOf: url))
}

extension EndpointStore {
  /// How scraping goes, by slot.
  func health() -> [EndpointHealth] { state.withLock { $0.stored.compactMap { $0?.health } } }
}
