import FoundationEssentials

/// A directory with an empty file for each block, which is named by the block's hash.
struct SharedStorage: Sendable {
  private let directory: String

  /// Makes the directory when there is none.
  init(directory: String) {
    self.directory = directory
    try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  private func path(_ hash: BlockHash) -> String { "\(directory)/\(hash.digits)" }

  /// Whether the storage has a block.
  func contains(_ hash: BlockHash) -> Bool { FileManager.default.fileExists(atPath: path(hash)) }

  /// Adds a block. Returns false when it cannot be written.
  func insert(_ hash: BlockHash) -> Bool {
    contains(hash) || FileManager.default.createFile(atPath: path(hash), contents: Data())
  }
}
