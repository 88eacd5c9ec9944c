/// An InferenceModelRewrite: rules that replace the model that requests name.
package struct InferenceModelRewrite: PoolObject {
  package static let plural = "inferencemodelrewrites"

  /// A rule: the models it is for, and the models that replace them.
  package struct Rule: Equatable, Sendable {
    /// Models that requests name; empty for all models.
    package var models: [String]
    package var targets: [Target]

    package init(models: [String], targets: [Target]) {
      self.models = models
      self.targets = targets
    }
  }

  /// A model that replaces others.
  package struct Target: Decodable, Equatable, Sendable {
    package var modelRewrite: String
    /// Share of the requests, relative to the other targets; nil when the target states none.
    package var weight: Int32?

    package init(modelRewrite: String, weight: Int32? = nil) {
      self.modelRewrite = modelRewrite
      self.weight = weight
    }
  }

  package var metadata: ObjectMetadata
  /// Time of creation as the API server writes it: UTC, in seconds, so that the order of the texts is that of the times.
  package var createdAt: String
  package var pool: PoolReference
  package var rules: [Rule]

  package init(metadata: ObjectMetadata, createdAt: String, pool: PoolReference, rules: [Rule]) {
    self.metadata = metadata
    self.createdAt = createdAt
    self.pool = pool
    self.rules = rules
  }

  private enum CodingKeys: String, CodingKey { case metadata, spec }

  private struct Creation: Decodable {
    var creationTimestamp: String?
  }

  private struct Specification: Decodable {
    var poolRef: PoolReference
    var rules: [DecodedRule]?
  }

  private struct DecodedRule: Decodable {
    var matches: [Match]?
    var targets: [Target]?
  }

  private struct Match: Decodable {
    var model: Model
  }

  private struct Model: Decodable {
    private enum CodingKeys: String, CodingKey { case type, value }

    let value: String

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      let type = try container.decodeIfPresent(String.self, forKey: .type) ?? "Exact"
      guard type == "Exact" else {
        throw DecodingError.dataCorruptedError(
          forKey: .type, in: container, debugDescription: "models are matched by the type Exact only, not '\(type)'")
      }
      value = try container.decode(String.self, forKey: .value)
    }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let specification = try container.decode(Specification.self, forKey: .spec)
    self.init(
      metadata: try container.decode(ObjectMetadata.self, forKey: .metadata),
      createdAt: try container.decode(Creation.self, forKey: .metadata).creationTimestamp ?? "",
      pool: specification.poolRef,
      rules: (specification.rules ?? []).map { rule in
        Rule(models: (rule.matches ?? []).map(\.model.value), targets: rule.targets ?? [])
      })
  }
}
