import EPPCore

/// `disaggregatedset-rollout-screener`: keeps a request at the endpoints of one revision, so that prefill and decode never pair
/// across the revisions of a rollout.
///
/// A revision takes part when each required role has a ready pod of it. One of them is drawn per request, weighted by its pods: of
/// all required roles together (`sum`), or of the role that has the most pods over all these revisions (`max-role`; the first of
/// equals). A request whose header names a revision gets that one or none. Pods are counted among the endpoints of the pool.
package struct RolloutScreener: Filter {
  private enum Mode: String, CaseIterable {
    case sum
    case maxRole = "max-role"
    case disabled
  }

  /// How a selector uses its header.
  private enum SelectorMode: String, CaseIterable {
    /// Keeps the endpoints whose label has the header's value.
    case strict
    /// Leaves the choice to scorers that read the same header.
    case prefer
  }

  // MARK: Parameters

  private static let labelSelector = TypedParameter<String?>.text("labelSelector", "The pods of the set")
  private static let scope = TypedParameter<PluginArguments?>.object(
    "scope", [labelSelector.declaration], "The pods that are counted")
  private static let header = TypedParameter<String?>.headerName("headerName", "The header of requests and answers")
  private static let label = TypedParameter<String?>.text("labelKey", "The label that it names")
  private static let selectorMode = TypedParameter<SelectorMode>.word(
    "mode", default: .prefer, "Whether other endpoints are left out, or scorers decide")
  private static let selectors = TypedParameter<[PluginArguments]>.list(
    "headerSelectors",
    [
      PluginParameter("name", .ignored(because: nil), "Has no effect: a name for metrics"), header.declaration,
      label.declaration, selectorMode.declaration,
    ], "Headers that name the value of a label; answers tell that of the endpoint that serves")
  private static let mode = TypedParameter<Mode>.word(
    "mode", default: .maxRole, "How revisions are weighted; disabled draws none")
  private static let values = TypedParameter<[String]>.texts("values", "The roles")
  private static let requireRoles = TypedParameter<PluginArguments?>.object(
    "requireRoles", [values.declaration], "Older form of requiredRoles")
  private static let requiredRoles = TypedParameter<[String]>.texts(
    "requiredRoles", "Roles that need a ready pod of a revision before it gets requests")
  private static let revisionHeader = TypedParameter<String?>.headerName(
    "revisionHeaderName", "The header that names a revision, in requests and answers")
  private static let revisionLabel = TypedParameter<String>.text(
    "revisionLabelKey", default: "disaggregatedset.x-k8s.io/revision", "The label of a pod's revision")
  private static let roleLabel = TypedParameter<String>.text(
    "roleLabelKey", default: "disaggregatedset.x-k8s.io/role", "The label of a pod's role")
  private static let gating = TypedParameter<PluginArguments?>.object(
    "revisionGating",
    [
      mode.declaration, requireRoles.declaration, requiredRoles.declaration, revisionHeader.declaration,
      revisionLabel.declaration, roleLabel.declaration,
    ], "Which revisions get requests, and how many")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "disaggregatedset-rollout-screener",
    "Keeps the stages of a request at pods of one revision while a set is rolled out",
    parameters: [scope.declaration, selectors.declaration, gating.declaration],
    needs: { arguments, _ in PluginNeeds(headers: Self.selectors(arguments).map(\.header)) },
    check: check, parts: [.screen { arguments, _ in RolloutScreener(arguments) }])

  @Sendable
  private static func check(_ check: inout PluginCheck) {
    let selector = check.arguments[scope].flatMap { $0[labelSelector] }
    if let selector {
      do { _ = try LabelSelector(selector) } catch {
        check.report("labelSelector: \(error)", at: scope.key, labelSelector.key)
      }
    } else {
      check.report("\(check.type) needs 'scope' with 'labelSelector', such as disaggregatedset.x-k8s.io/name=SET")
    }
    for (index, entry) in check.arguments[selectors].enumerated() {
      for key in [header.key, label.key] where !entry.isGiven(key) {
        check.report("a selector needs '\(key)'", at: selectors.key, "\(index)")
      }
    }
    guard let gating = check.arguments[Self.gating] else {
      return check.report(
        "\(check.type) needs 'revisionGating' with 'mode', and 'requiredRoles' unless that is disabled")
    }
    if gating[mode] != .disabled, roles(gating).isEmpty {
      check.report("'revisionGating' needs 'requiredRoles', such as [prefill, decode]", at: Self.gating.key)
    }
  }

  private static func roles(_ gating: PluginArguments) -> [String] {
    gating[requiredRoles] + (gating[requireRoles].map { $0[values] } ?? [])
  }

  /// A header that names the value of a label.
  private struct Selector: Sendable {
    let header: String
    let isStrict: Bool
    let label: String
    let labels: MemberCache<String?>

    init(_ header: String, _ label: String, isStrict: Bool) {
      (self.header, self.label, self.isStrict) = (header, label, isStrict)
      labels = MemberCache { $0.labels[label] }
    }
  }

  private static func selectors(_ arguments: PluginArguments) -> [Selector] {
    var found = arguments[selectors].compactMap { entry in
      entry[header].flatMap { name in
        entry[label].map { Selector(name, $0, isStrict: entry[selectorMode] == .strict) }
      }
    }
    if let gating = arguments[gating], let name = gating[revisionHeader] {
      found.append(Selector(name, gating[revisionLabel], isStrict: true))
    }
    return found
  }

  // MARK: Choice

  private let selectors: [Selector]
  private let revisionLabel: String
  /// The share of requests that the revision of an endpoint gets, as a part of 0..<1; nil for an endpoint that gets none. Nil when
  /// no revision is drawn.
  private let shares: MemberCache<Range<Double>?>?

  private init(_ arguments: PluginArguments) {
    selectors = Self.selectors(arguments)
    let gating = arguments[Self.gating] ?? PluginArguments()
    let (revisionLabel, roleLabel) = (gating[Self.revisionLabel], gating[Self.roleLabel])
    let (mode, roles) = (gating[Self.mode], Self.roles(gating))
    let selector = arguments[Self.scope].flatMap { $0[Self.labelSelector] }.flatMap { try? LabelSelector($0) }
    self.revisionLabel = revisionLabel
    guard mode != .disabled, let selector else {
      shares = nil
      return
    }
    shares = MemberCache(all: { endpoints in
      let scoped = endpoints.map { selector.matches($0.labels) ? $0 : nil }
      let shares = Revisions(scoped.compactMap(\.self), revisionLabel, roleLabel, roles).shares(bySum: mode == .sum)
      return scoped.map { $0?.labels[revisionLabel].flatMap { shares[$0] } }
    })
  }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    let candidates = context.candidates
    var namesRevision = false
    for selector in selectors where selector.isStrict {
      guard let wanted = context.context.headers.first(selector.header), !wanted.isEmpty else { continue }
      let labels = selector.labels.values(of: context.snapshot)
      selection.keep(context) { labels[candidates[$0]] == wanted }
      namesRevision = namesRevision || selector.label == revisionLabel
    }
    guard let shares else { return }
    let values = shares.values(of: context.snapshot)
    // A fraction that does not depend on the size of the lot: other plugins compare the lot itself with their probabilities.
    let lot = (context.lot * 1021).truncatingRemainder(dividingBy: 1)
    selection.keep(context) { position in
      values[candidates[position]].map { namesRevision || $0.contains(lot) } ?? false
    }
  }

  package var observer: (any RequestObserver)? {
    selectors.isEmpty ? nil : LabelReporter(labels: selectors.map { ($0.header, $0.label) })
  }
}

/// The ready pods of a set by revision and role.
private struct Revisions {
  private let roles: [String]
  /// Pods of each revision by role.
  private var pods: [String: [String: Set<String>]] = [:]

  init(_ endpoints: [Endpoint], _ revisionLabel: String, _ roleLabel: String, _ roles: [String]) {
    self.roles = roles
    for endpoint in endpoints {
      guard let revision = endpoint.labels[revisionLabel], let role = endpoint.labels[roleLabel] else { continue }
      // The ranks of a pod are one.
      pods[revision, default: [:]][role, default: []].insert(endpoint.podName ?? endpoint.name)
    }
  }

  /// The part of 0..<1 that each revision with all roles has.
  func shares(bySum: Bool) -> [String: Range<Double>] {
    let complete = pods.filter { revision in roles.allSatisfy { revision.value[$0]?.isEmpty == false } }
    let totals = roles.map { role in complete.values.reduce(0) { $0 + ($1[role]?.count ?? 0) } }
    var largest = roles[...].prefix(1)
    if let most = totals.max(), let index = totals.firstIndex(of: most) { largest = roles[index...index] }
    let counted = bySum ? roles[...] : largest
    let weights = complete.mapValues { pods in counted.reduce(0) { $0 + (pods[$1]?.count ?? 0) } }
    let total = weights.values.reduce(0, +)
    var result: [String: Range<Double>] = [:]
    var below = 0
    for (revision, weight) in weights.sorted(by: { $0.key < $1.key }) {
      result[revision] = Double(below) / Double(total)..<Double(below + weight) / Double(total)
      below += weight
    }
    return result
  }
}

/// Tells clients the labels of the endpoint that serves a request, for the requests of its other stages.
private struct LabelReporter: RequestObserver {
  let labels: [(header: String, label: String)]

  func picked(_ pick: borrowing PickedRequest, _ effects: inout PickEffects) {
    let endpoint = pick.endpoint
    let fields = labels.compactMap { header, label in
      endpoint.labels[label].map { RequestHeaders.Field(name: header, value: $0) }
    }
    if !fields.isEmpty { effects.followers.append(LabelReport(endpoint.slot, fields)) }
  }
}

/// Reports the labels for one request.
private final class LabelReport: RequestFollower {
  private let picked: EndpointSlot
  private let fields: [RequestHeaders.Field]

  init(_ picked: EndpointSlot, _ fields: [RequestHeaders.Field]) { (self.picked, self.fields) = (picked, fields) }

  func responseStarted(_ answer: inout AnswerStart) {
    // Another one may serve it where the gateway fell back, with labels of its own.
    if answer.served == picked { answer.headers += fields }
  }
}
