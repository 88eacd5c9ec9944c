import EPPRequests

/// `shared-storage`: engines write blocks to a storage that all of them read. A request without `cache_hit_threshold`, or whose decode
/// engine holds less than that, has its prompt computed first.
struct SharedStorageConnector: KVConnector {
  private static let threshold = "cache_hit_threshold"

  var order: LegOrder { .decodeFirst(threshold: Self.threshold) }

  // The threshold is for the first attempt alone.
  func writePrefill(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) { edit.set(Self.threshold, 0) }
  func writeAlone(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {
    if edit.contains(Self.threshold) { edit.set(Self.threshold, 0) }
  }
  func writeDecode(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) { edit.set(Self.threshold, 0) }
}
