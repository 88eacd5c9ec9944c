import Testing

@testable import EPPMetrics

@Suite struct MetricsConcurrencyTests {
  @Test func totalsAreExactWhenManyTasksWriteWhilePagesAreWritten() async {
    let metrics = PickerMetrics()
    let rounds = 5_000
    let writers = 4
    let finished = Counter()
    await withTaskGroup(of: Void.self) { group in
      for writer in 0..<writers {
        group.addTask {
          for round in 0..<rounds {
            let series = metrics.requestSeries(
              model: "m\(round % 7)", targetModel: "t", fairnessID: "f", priority: 0)
            series.requests.increment()
            series.running.add(1)
            series.inputTokens.observe(round)
            series.running.add(-1)
            let endpoint = metrics.endpointSeries(name: "e\(writer)", namespace: "default", port: 1)
            endpoint.attempts(targetModel: "t").increment()
          }
          finished.increment()
        }
      }
      group.addTask {
        var pages = 0
        while finished.value < writers || pages == 0 {
          let buckets = metrics.samples(of: "llm_d_epp_request_input_tokens").filter {
            $0.contains("model_name=\"m0\"")
          }
          let cumulated = buckets.filter { $0.contains("_bucket{") }.compactMap(Self.value)
          #expect(cumulated == cumulated.sorted())
          #expect(cumulated.last == buckets.filter { $0.contains("_count{") }.compactMap(Self.value).last)
          pages += 1
        }
      }
    }
    let requests = metrics.samples(of: "inference_objective_request_total").compactMap(Self.value).reduce(0, +)
    #expect(requests == writers * rounds)
    let counts = metrics.samples(of: "inference_objective_input_tokens").filter { $0.contains("_count{") }
    #expect(counts.compactMap(Self.value).reduce(0, +) == writers * rounds)
    let sums = metrics.samples(of: "inference_objective_input_tokens").filter { $0.contains("_sum{") }
    #expect(sums.compactMap(Self.value).reduce(0, +) == writers * rounds * (rounds - 1) / 2)
    #expect(metrics.samples(of: "inference_objective_running_requests").compactMap(Self.value).allSatisfy { $0 == 0 })
    let attempts = metrics.samples(of: "llm_d_epp_scheduler_attempts_total").compactMap(Self.value).reduce(0, +)
    #expect(attempts == writers * rounds)
  }

  private static func value(of line: String) -> Int? { line.split(separator: " ").last.flatMap { Int($0) } }
}
