import EPPCore

/// `header-label-affinity-scorer`: 1 for an endpoint whose label has the value of a request header, else 0.
package struct HeaderLabelAffinityScorer: Scorer {
  private static let header = TypedParameter<String?>.headerName("headerName", "The request header")
  private static let label = TypedParameter<String?>.text("labelKey", "The label of the endpoint")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "header-label-affinity-scorer", "Prefers endpoints whose label has the value of a request header",
    parameters: [header.declaration, label.declaration],
    needs: { arguments, _ in PluginNeeds(headers: [arguments[header]].compactMap(\.self)) },
    check: { check in
      for key in [header.key, label.key] where !check.arguments.isGiven(key) {
        check.report("\(check.type) needs the parameter '\(key)'")
      }
    },
    parts: [.scorer { arguments, _ in HeaderLabelAffinityScorer(arguments) }])

  private let header: String
  private let labels: MemberCache<String?>

  private init(_ arguments: PluginArguments) {
    header = arguments[Self.header] ?? ""
    let label = arguments[Self.label] ?? ""
    labels = MemberCache { $0.labels[label] }
  }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    guard let wanted = context.context.headers.first(header), !wanted.isEmpty else { return }
    let labels = labels.values(of: context.snapshot)
    for position in scores.indices where labels[context.candidates[position]] == wanted { scores[position] = 1 }
  }
}
