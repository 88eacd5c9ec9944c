import EPPConfiguration
import EPPCore
import EPPPrefixCache
import EPPRequests
import EPPScheduling
import FoundationEssentials

/// Schedules described requests over described pools, with the reader, the parser, the index and the scheduler that serve.
struct PoolScoring {
  private static let seed = HashSeed(first: 1, second: 2)
  private static let now = MonotonicTime(nanoseconds: 1_000_000_000)

  private let index = PrefixIndex(hasher: BlockHasher(seed: Self.seed))
  private let parser = RequestParser()
  /// Configurations that were read, by their texts.
  private var files: [String: Result<PickerConfigurationFile, ConfigurationProblems>] = [:]
  private var generation: UInt32 = 0

  /// Schedules one request.
  mutating func result(of line: ScoreLine) -> ScoreResult {
    var result = ScoreResult(id: line.id)
    switch file(line.configuration) {
    case .failure(let problems): result.problems = problems.problems.map(\.description)
    case .success(let file):
      do throws(Rejection) {
        try schedule(line, file, &result)
      } catch {
        result.rejection = ScoreResult.Refusal(
          status: error.status.rawValue, message: error.message, reason: error.reason?.rawValue)
      }
    }
    return result
  }

  private mutating func file(_ text: String) -> Result<PickerConfigurationFile, ConfigurationProblems> {
    if let known = files[text] { return known }
    let result: Result<PickerConfigurationFile, ConfigurationProblems>
    do throws(ConfigurationProblems) {
      result = .success(try PickerConfigurationReader.read(text, file: "configuration"))
    } catch {
      result = .failure(error)
    }
    // Bounded: a stream of ever new files need not be kept.
    if files.count >= 1000 { files.removeAll() }
    files[text] = result
    return result
  }

  private mutating func schedule(
    _ line: ScoreLine, _ file: PickerConfigurationFile, _ result: inout ScoreResult
  ) throws(Rejection) {
    var headers = RequestHeaders()
    headers.append(name: HeaderName.path, value: line.request.path ?? RequestPath.fallback)
    for (name, value) in (line.request.headers ?? [:]).sorted(by: { $0.key < $1.key }) {
      headers.append(name: name.lowercased(), value: value)
    }
    var prompt = CanonicalPrompt()
    let body = (try? JSONEncoder().encode(line.request.body)) ?? Data()
    let bytes = Array(body)
    var request = unsafe try parser.parse(
      api: RequestPath.api(of: RequestPath.path(of: headers)), body: bytes.span.bytes, prompt: &prompt)
    request.noteMedia(of: prompt)

    let snapshot = snapshot(line.endpoints, DataLayerSettings(file).topology)
    defer { for member in snapshot.members { index.remove(member.endpoint.slot) } }
    let scheduler = Scheduler(
      file.scheduler,
      PluginEnvironment(
        seed: Self.seed, sessionHeader: file.sessionHeader ?? HeaderName.sessionID, prefixViews: file.prefixViews))
    var scratch = SchedulingScratch(seed: line.seed ?? 1)
    var query = match(line.endpoints, snapshot, request, prompt, &scratch)
    result.prompt = ScoreResult.Prompt(
      tokens: request.promptTokens, blocks: scratch.context.match.text.totalBlocks)
    let context = RequestContext(requestID: "score", headers: headers)
    replay(line.history ?? [], scheduler, snapshot, request, &scratch, &query)

    var picks: [[String: Int]] = []
    let draws = max(1, line.draws ?? 1)
    for draw in 0..<draws {
      scratch.trace = DecisionTrace()
      scheduler.selectCandidates(snapshot, request, context, now: Self.now, &scratch)
      let priority = line.request.priority ?? 0
      if scheduler.mayRefuse(priority: priority), let rejection = scheduler.rejection(priority: priority, &scratch) {
        throw rejection
      }
      scheduler.produce(&query, &scratch)
      guard let schedule = try scheduler.schedule(&scratch), let trace = scratch.trace else {
        throw Rejection(.serviceUnavailable, "the filters leave no endpoint", reason: .noEndpoints)
      }
      if picks.isEmpty { picks = Array(repeating: [:], count: trace.runs.count) }
      for (run, entry) in trace.runs.enumerated() where run < picks.count {
        guard let pick = entry.explanation?.decision.picks.first else { continue }
        picks[run][snapshot.members[pick].endpoint.name, default: 0] += 1
      }
      guard draw == draws - 1 else { continue }
      result.profiles = zip(trace.runs, picks).map { Self.profile($0, snapshot, picks: $1) }
      result.destination = schedule.destination(in: snapshot)
      result.headers = Dictionary(
        schedule.effects.requestHeaders.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }
  }

  /// Makes a snapshot of the described endpoints, in slots that no earlier endpoint has had.
  private mutating func snapshot(
    _ endpoints: [ScoreLine.Endpoint], _ topology: EndpointTopology.Labels
  ) -> PoolSnapshot {
    generation &+= 1
    var members: [PoolSnapshot.Member] = []
    for (position, described) in endpoints.prefix(EndpointSlot.capacity).enumerated() {
      let load = EndpointLoad()
      let requests = max(0, described.inFlightRequests ?? 0)
      for _ in 0..<requests { load.dispatch(uncachedTokens: 0) }
      if let tokens = described.inFlightTokens, tokens > 0 {
        load.dispatch(uncachedTokens: tokens)
        load.releaseRequest()
      }
      var metrics = EndpointMetrics()
      metrics.waitingRequests = described.waiting ?? 0
      metrics.runningRequests = described.running ?? 0
      metrics.kvCacheUsage = described.kvCacheUsage ?? 0
      metrics.dispatchedAtScrape = load.totals
      for (key, value) in described.attributes ?? [:] { metrics.attributes[key] = value }
      if let lora = described.lora {
        metrics.loRA = LoRAState(maximum: lora.maximum, running: lora.running, waiting: lora.waiting)
      }
      let address =
        EndpointAddress(described.address) ?? EndpointAddress(host: described.address, port: 8000)
      members.append(
        PoolSnapshot.Member(
          endpoint: EPPCore.Endpoint(
            name: described.name, address: address, labels: described.labels ?? [:],
            topology: EndpointTopology(described.labels ?? [:], topology),
            slot: EndpointSlot(index: position, generation: generation)),
          metrics: metrics, load: load, isStale: described.isStale ?? false))
    }
    return PoolSnapshot(members: members)
  }

  /// Enters what the endpoints hold into the index, matches the prompt, and returns its blocks.
  private func match(
    _ endpoints: [ScoreLine.Endpoint], _ snapshot: PoolSnapshot, _ request: InferenceRequest, _ prompt: CanonicalPrompt,
    _ scratch: inout SchedulingScratch
  ) -> PrefixQuery {
    var query = PrefixQuery()
    let blockTokens = index.limits.textBlockTokens
    for (described, member) in zip(endpoints, snapshot.members) {
      guard let blocks = described.cachedBlocks, blocks > 0 else { continue }
      query.begin(
        for: prompt, request: request, hasher: index.hasher, maximumTokens: blocks * blockTokens,
        blockTokens: blockTokens)
      _ = index.record(&query, at: member.endpoint.slot)
    }
    query.begin(for: prompt, request: request, hasher: index.hasher, maximumTokens: .max, blockTokens: blockTokens)
    scratch.context.match.begin(hasText: true, hasTokens: false, followed: .empty)
    index.match(&query, into: &scratch.context.match.text)
    return query
  }

  /// Tells the plugins of earlier requests whose prompts no endpoint held.
  private func replay(
    _ names: [String], _ scheduler: Scheduler, _ snapshot: PoolSnapshot, _ request: InferenceRequest,
    _ scratch: inout SchedulingScratch, _ query: inout PrefixQuery
  ) {
    // Those of other clients.
    let context = RequestContext(requestID: "earlier")
    for name in names {
      guard let member = snapshot.members.first(where: { $0.endpoint.name == name }) else { continue }
      let pick = PickedRequest(
        request: request, context: context, endpoint: member.endpoint, isCold: true, now: Self.now)
      _ = scheduler.picked(pick, scratch.context, &query)
    }
  }

  private static func profile(
    _ run: DecisionTrace.Run, _ snapshot: PoolSnapshot, picks: [String: Int]
  ) -> ScoreResult.Profile {
    let name = { (index: Int) in snapshot.members[index].endpoint.name }
    let candidates = run.explanation?.candidates ?? []
    var scores: [String: [String: Double]] = [:]
    var totals: [String: Double] = [:]
    for candidate in candidates {
      totals[candidate.name] = candidate.total
      for opinion in candidate.opinions { scores[opinion.scorer, default: [:]][candidate.name] = opinion.score }
    }
    let greatest = candidates.map(\.total).max()
    return ScoreResult.Profile(
      profile: run.profile, stage: run.stage.rawValue,
      filters: run.filters.map { ScoreResult.FilterResult(name: $0.filter, kept: $0.kept.map(name)) },
      candidates: candidates.map(\.index).sorted().map(name), scores: scores, totals: totals,
      best: candidates.filter { $0.total == greatest }.map(\.index).sorted().map(name), picks: picks)
  }
}
