/// An image, a sound, a film or another part of a prompt that an engine's encoder turns into embeddings.
package struct MediaItem: Hashable, Sendable {
  /// What an item is, by the type that the client gives it. The raw value is used in metrics.
  package enum Modality: String, Sendable, CaseIterable {
    case image
    case audio
    case video
    case other
  }

  /// A hash of the item's data, or of its address where the client sends that. Not cryptographic: equal digests of two items only
  /// spoil a prediction.
  package let digest: UInt64
  /// What it is.
  package let modality: Modality

  package init(digest: UInt64, modality: Modality) {
    self.digest = digest
    self.modality = modality
  }
}
