package import EPPScheduling
import FoundationEssentials

extension AdminAction {
  /// `POST /weights`: a JSON object of scorers and weights, such as `{"NAME": 3}`; answered with a `WeightReport`, or with a
  /// `WeightProblem` when nothing was changed.
  ///
  /// - Parameter change: Changes the weights of the running process, all or none of them. Called on several threads at once.
  package static func weights(
    _ change: @escaping @Sendable ([String: Double]) -> Result<WeightReport, WeightProblem>
  ) -> AdminAction {
    AdminAction { body in
      guard let weights = try? JSONDecoder().decode([String: Double].self, from: Data(body)) else {
        let problem = WeightProblem([
          "the body has to be a JSON object of scorers and their weights, such as "
            + "{\"\(QueueScorer.descriptor.type)\": 3}"
        ])
        return .refused(JSONDocument.bytes(of: problem))
      }
      return switch change(weights) {
      case .success(let report): .done(JSONDocument.bytes(of: report))
      case .failure(let problem): .refused(JSONDocument.bytes(of: problem))
      }
    }
  }
}
