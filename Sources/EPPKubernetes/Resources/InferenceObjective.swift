/// An InferenceObjective: the priority of the requests that name it in a header.
package struct InferenceObjective: PoolObject {
  package static let plural = "inferenceobjectives"

  package var metadata: ObjectMetadata
  package var pool: PoolReference
  /// Priority of requests; a negative one marks requests that may be rejected under load. 0 when the object has none.
  package var priority: Int

  package init(metadata: ObjectMetadata, pool: PoolReference, priority: Int) {
    self.metadata = metadata
    self.pool = pool
    self.priority = priority
  }

  private enum CodingKeys: String, CodingKey { case metadata, spec }

  private struct Specification: Decodable {
    var poolRef: PoolReference
    var priority: Int32?
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let specification = try container.decode(Specification.self, forKey: .spec)
    self.init(
      metadata: try container.decode(ObjectMetadata.self, forKey: .metadata), pool: specification.poolRef,
      priority: Int(specification.priority ?? 0))
  }
}
