import EPPKubernetes

/// A resource for tests.
struct Item: KubernetesResource {
  var metadata: ObjectMetadata
  var value: Int

  init(_ name: String, value: Int = 0, version: String = "1") {
    metadata = ObjectMetadata(name: name, namespace: "ns", resourceVersion: version)
    self.value = value
  }
}

/// A model of an API server: objects, versions, and the changes since the last compaction. No sockets and no clock.
struct ModelServer {
  private(set) var objects: [ObjectKey: Item] = [:]
  private(set) var version = 10
  private var floor = 10
  private var history: [(version: Int, event: WatchEvent<Item>)] = []
  /// Lists that clients read in pages, by their version.
  private var snapshots: [Int: [Item]] = [:]

  mutating func put(_ name: String, value: Int) {
    version += 1
    let item = Item(name, value: value, version: String(version))
    objects[item.key] = item
    history.append((version, .upserted(item)))
  }

  mutating func delete(_ name: String) {
    guard var item = objects.removeValue(forKey: ObjectKey(namespace: "ns", name: name)) else { return }
    version += 1
    item.metadata.resourceVersion = String(version)
    history.append((version, .deleted(item)))
  }

  /// Removes all versions before the current one.
  mutating func compact() {
    floor = version
    history.removeAll()
    snapshots = snapshots.filter { $0.key >= floor }
  }

  /// Returns a page; nil when the server would answer 410.
  mutating func page(_ request: WatchStateMachine<Item>.ListRequest) -> ResourcePage<Item>? {
    let (listed, start): (Int, Int)
    if let continuation = request.continuation {
      let parts = continuation.split(separator: ":").compactMap { Int($0) }
      (listed, start) = (parts[0], parts[1])
    } else {
      (listed, start) = (version, 0)
      snapshots[version] = objects.values.sorted { $0.metadata.name < $1.metadata.name }
    }
    guard let all = snapshots[listed] else { return nil }
    let end = request.limit.map { min(all.count, start + $0) } ?? all.count
    return ResourcePage(
      resourceVersion: String(listed), continuation: end < all.count ? "\(listed):\(end)" : nil,
      items: Array(all[start..<end]))
  }

  /// Returns the changes after a version; nil when the server would answer 410.
  func changes(after version: String) -> [WatchEvent<Item>]? {
    guard let version = Int(version), version >= floor else { return nil }
    return history.filter { $0.version > version }.map(\.event)
  }
}
