/// A page of a list.
package struct ResourcePage<Resource: KubernetesResource>: Decodable, Sendable {
  /// Version of the state that all pages of the list show.
  package var resourceVersion: String
  /// Token that requests the next page; nil on the last page.
  package var continuation: String?
  package var items: [Resource]
  /// Objects of the page that cannot be decoded.
  package var unreadable: [UnreadableObject]

  package init(
    resourceVersion: String, continuation: String? = nil, items: [Resource], unreadable: [UnreadableObject] = []
  ) {
    self.resourceVersion = resourceVersion
    self.continuation = continuation
    self.items = items
    self.unreadable = unreadable
  }

  private enum CodingKeys: String, CodingKey { case metadata, items }

  private struct Metadata: Decodable {
    var resourceVersion: String
    var `continue`: String?
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let metadata = try container.decode(Metadata.self, forKey: .metadata)
    resourceVersion = metadata.resourceVersion
    continuation = metadata.continue.flatMap { $0.isEmpty ? nil : $0 }
    items = []
    unreadable = []
    // Go encodes an empty list as null.
    for item in try container.decodeIfPresent([DecodedObject<Resource>].self, forKey: .items) ?? [] {
      switch item {
      case .readable(let resource): items.append(resource)
      case .unreadable(let object): unreadable.append(object)
      }
    }
  }
}

/// An object that cannot be decoded, because its fields are not as expected. Its last decoded state stays in use.
package struct UnreadableObject: Equatable, Sendable {
  package var metadata: ObjectMetadata
  /// Description of the field that is not as expected.
  package var problem: String

  package var key: ObjectKey { ObjectKey(namespace: metadata.namespace, name: metadata.name) }
}

/// An object, or only its metadata when the whole object cannot be decoded.
enum DecodedObject<Resource: KubernetesResource>: Decodable {
  case readable(Resource)
  case unreadable(UnreadableObject)

  private enum CodingKeys: String, CodingKey { case metadata }

  init(from decoder: any Decoder) throws {
    do {
      self = .readable(try Resource(from: decoder))
    } catch {
      let metadata = try decoder.container(keyedBy: CodingKeys.self).decode(ObjectMetadata.self, forKey: .metadata)
      guard !metadata.name.isEmpty else { throw error }
      self = .unreadable(UnreadableObject(metadata: metadata, problem: Self.sentence(error)))
    }
  }

  private static func sentence(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    let context: DecodingError.Context? =
      switch error {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): context
      case .keyNotFound(let key, let context):
        DecodingError.Context(
          codingPath: context.codingPath + [key], debugDescription: "the field is missing")
      @unknown default: nil
      }
    guard let context else { return "\(error)" }
    let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? "." + $0.stringValue }.joined()
    return "\(path): \(context.debugDescription)"
  }
}

/// An event of a watch, sent as one line.
package enum WatchEvent<Resource: KubernetesResource>: Decodable, Sendable {
  /// The object was added or modified; consumers treat both alike.
  case upserted(Resource)
  /// The object was deleted or is no longer selected.
  case deleted(Resource)
  /// All changes up to this version have been sent.
  case bookmark(version: String)
  /// The object was added, modified or deleted, and cannot be decoded.
  case unreadable(UnreadableObject, isDeleted: Bool)
  /// The watch has failed; the server ends it.
  case error(KubernetesStatus)

  private enum CodingKeys: String, CodingKey { case type, object }
  private struct Bookmark: Decodable {
    var metadata: ObjectMetadata
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let type = try container.decode(String.self, forKey: .type)
    switch type {
    case "ADDED", "MODIFIED", "DELETED":
      switch try container.decode(DecodedObject<Resource>.self, forKey: .object) {
      case .readable(let resource): self = type == "DELETED" ? .deleted(resource) : .upserted(resource)
      case .unreadable(let object): self = .unreadable(object, isDeleted: type == "DELETED")
      }
    case "BOOKMARK":
      self = .bookmark(version: try container.decode(Bookmark.self, forKey: .object).metadata.resourceVersion)
    case "ERROR":
      self = .error(try container.decode(KubernetesStatus.self, forKey: .object))
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .type, in: container, debugDescription: "no event of a watch is of type '\(type)'")
    }
  }
}

/// A change of the objects of a kind, for `ResourceCache`.
package enum ResourceChange<Resource: KubernetesResource>: Equatable, Sendable {
  /// The objects are exactly these, and the cached objects with the keys in `unreadable`.
  case replaced([Resource], unreadable: Set<ObjectKey>)
  /// The object is new or has changed.
  case upserted(Resource)
  case deleted(ObjectKey)
}
