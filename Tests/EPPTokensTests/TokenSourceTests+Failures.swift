import EPPCore
import EPPMetrics
import EPPTestKit
import EPPTokens
import EngineSimulator
import Logging
import Testing

/// Engines that do not answer as they should.
extension TokenSourceTests {
  @Test func anEngineThatFailsIsLeftAloneAndAnotherOneAsked() async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(status: 500, body: "oops")
    } run: { bad in
      try await withServer { _, _ in
        AnswerServer.Answer(body: #"{"token_ids": [1]}"#)
      } run: { good in
        try await withSource(isFrozen: true) { source in
          for number in 0..<10 {
            let ids = try await tokens(
              source, chat.replacing("fox", with: "fox \(number)"), at: [bad.address, good.address])
            #expect(ids == [1])
          }
          #expect(bad.asked.count == 3)
          #expect(good.asked.count == 10)
        }
      }
    }
  }

  @Test(arguments: [200, 500])
  func aRenderServiceIsAskedBeforeTheEngines(_ status: Int) async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(status: status, body: #"{"token_ids": [7]}"#)
    } run: { service in
      try await withServer { _, _ in
        AnswerServer.Answer(body: #"{"token_ids": [1]}"#)
      } run: { engine in
        try await withSource(
          isFrozen: true, { $0.service = .init(address: service.address, isSecure: false) }
        ) { source in
          let ids = try await tokens(source, chat, at: [engine.address])
          #expect(ids == (status == 200 ? [7] : [1]))
          #expect(service.asked.count == 1)
        }
      }
    }
  }

  @Test func whereAllAreLeftAloneNobodyWaits() async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(status: 500, body: "oops")
    } run: { bad in
      try await withSource(isFrozen: true) { source in
        for number in 0..<3 {
          _ = try await tokens(source, chat.replacing("fox", with: "fox \(number)"), at: [bad.address])
        }
        guard case .unavailable = lookUp(source, chat, at: [bad.address]) else {
          return #expect(Bool(false), "an engine that is left alone was asked")
        }
        #expect(count("failed") == 3 && count("no_engine") == 1)
      }
    }
  }

  @Test func whereNobodyHasThePathNobodyWaits() async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(status: 404, body: "{}")
    } run: { old in
      try await withSource { source async throws in
        #expect(try await tokens(source, chat, at: [old.address]) == nil)
        let other = chat.replacing("fox", with: "cat")
        guard case .unavailable = lookUp(source, other, at: [old.address]) else {
          return #expect(Bool(false), "an engine was asked for what it does not have")
        }
        // Another model may be there.
        guard case .pending = lookUp(source, other.replacing(#""m""#, with: #""n""#), at: [old.address]) else {
          return #expect(Bool(false), "nobody was asked for another model")
        }
      }
    }
  }

  @Test(arguments: [401, 403, 404])
  func anEngineThatRefusesIsWarnedOfOnceAndCounted(_ status: Int) async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(status: status, body: #"{"detail": "refused"}"#)
    } run: { server in
      try await withSource { source async throws in
        #expect(try await tokens(source, chat, at: [server.address]) == nil)
        #expect(try await tokens(source, completion, at: [server.address], api: .completions) == nil)
        #expect(page.contains("epp_tokens_render_refusals_total{code=\"\(status)\"} 3"))
        let warnings = log.lines(.warning)
        #expect(warnings.count == 1 && warnings.first?.contains("--enable-scale-out") == true)
        #expect(warnings.first?.contains("matched by their text") == true)
        #expect(log.lines(containing: "\(server.address)").count == 1)
      }
    }
  }

  @Test func anEngineThatServesAnotherPathIsWarnedOfOnce() async throws {
    try await withEngine {
      $0.servesScaleOut = false
    } _: { engine in
      try await withSource { source async throws in
        #expect(try await tokens(source, chat, at: [engine]) != nil)
        #expect(try await tokens(source, completion, at: [engine], api: .completions) != nil)
        #expect(page.contains("epp_tokens_render_refusals_total{code=\"403\"} 2"))
        let warnings = log.lines(.warning)
        #expect(warnings.count == 1 && warnings.first?.contains("/tokenize is asked in its place") == true)
        #expect(warnings.first?.contains("--enable-scale-out") == true)
      }
    }
  }

  @Test func aModelThatIsNotThereIsNoRefusalOfThePath() async throws {
    try await withEngine { engine in
      try await withSource { source async throws in
        #expect(try await tokens(source, chat.replacing(#""m""#, with: #""other""#), at: [engine]) == nil)
        #expect(page.contains("epp_tokens_render_refusals_total{code=\"404\"} 0"))
        #expect(log.lines(.warning).isEmpty)
      }
    }
  }

  @Test(arguments: [
    (200, "{}", "unreadable"), (200, "garbage", "unreadable"), (200, #"{"token_ids": [1, "a"]}"#, "unreadable"),
    (400, "{}", "refused"), (503, "{}", "failed"),
  ])
  func whatIsNoAnswerIsCounted(_ status: Int, _ body: String, _ outcome: String) async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(status: status, body: body)
    } run: { server in
      try await withSource { source async throws in
        #expect(try await tokens(source, chat, at: [server.address]) == nil)
        #expect(count(outcome) == 1)
      }
    }
  }

  @Test func severalPromptsAreNoFailureOfTheEngine() async throws {
    try await withServer { _, body in
      AnswerServer.Answer(
        body: body.contains("several") ? #"[{"token_ids": [1]}, {"token_ids": [2]}]"# : #"[{"token_ids": [7]}]"#)
    } run: { server async throws in
      try await withSource(isFrozen: true) { source async throws in
        for number in 0..<5 {
          let body = completion.replacing("fox", with: "several \(number)")
          #expect(try await tokens(source, body, at: [server.address], api: .completions) == nil)
        }
        #expect(count("refused") == 5)
        #expect(try await tokens(source, completion, at: [server.address], api: .completions) == [7])
      }
    }
  }

  @Test func anAnswerWithoutEndIsGivenUp() async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(body: "{", ends: false)
    } run: { server in
      try await withSource {
        $0.renderTimeout = .milliseconds(300)
      } run: { source async throws in
        #expect(try await tokens(source, chat, at: [server.address]) == nil)
        #expect(count("failed") == 1)
      }
    }
  }

  @Test func moreTokensThanAPromptCanHaveAreNone() async throws {
    let ids = repeatElement("1", count: 70_000).joined(separator: ",")
    try await withServer { _, _ in
      AnswerServer.Answer(body: "{\"token_ids\": [\(ids)]}")
    } run: { server in
      try await withSource { source async throws in
        #expect(try await tokens(source, chat, at: [server.address]) == nil)
        #expect(count("unreadable") == 1)
      }
    }
  }

  @Test(arguments: [401, 404, 407]) func whereThePathIsClosedTheTokenizerIsAsked(_ status: Int) async throws {
    try await withServer { path, _ in
      path == "/tokenize"
        ? AnswerServer.Answer(body: #"{"tokens": [7]}"#) : AnswerServer.Answer(status: status, body: "{}")
    } run: { server async throws in
      try await withSource { source async throws in
        #expect(try await tokens(source, chat, at: [server.address]) == [7])
        // What the tokenizer would pass over makes another prompt of it.
        let effort = chat.replacing("{\"model", with: #"{"reasoning_effort": "high", "model"#)
        #expect(try await tokens(source, effort, at: [server.address]) == nil)
        #expect(server.asked == ["/v1/chat/completions/render", "/tokenize"])
      }
    }
  }

  @Test func longNamesOfModelsAreNotKept() async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(body: #"{"token_ids": [1]}"#)
    } run: { server async throws in
      try await withSource { source async throws in
        let body = chat.replacing(#""m""#, with: "\"" + String(repeating: "m", count: 300) + "\"")
        #expect(try await tokens(source, body, at: [server.address]) == nil)
        #expect(server.asked.isEmpty && count("no_engine") == 1)
      }
    }
  }

  @Test func nobodyWhoListensIsAFailure() async throws {
    try await withSource { source async throws in
      #expect(try await tokens(source, chat, at: [EndpointAddress(host: "127.0.0.1", port: 1)]) == nil)
      #expect(count("failed") == 1)
    }
  }

  @Test func theCacheIsBounded() async throws {
    let long = (0..<10_000).map(String.init).joined(separator: ",")
    try await withServer { _, _ in
      AnswerServer.Answer(body: "{\"token_ids\": [\(long)]}")
    } run: { server async throws in
      try await withSource {
        $0.maximumCacheBytes = 2 << 20
      } run: { source async throws in
        for number in 0..<100 {
          #expect(
            try await tokens(source, chat.replacing("fox", with: "fox \(number)"), at: [server.address])?.count
              == 10_000)
        }
        source.refreshMetrics()
        func gauge(_ name: String) -> Double {
          page.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap {
            Double($0.dropFirst(name.count + 1))
          }
            ?? -1
        }
        #expect(gauge("epp_tokens_cache_bytes") <= Double(2 << 20))
        #expect(gauge("epp_tokens_cache_entries") > 10)
        #expect(gauge("epp_tokens_cache_entries") + gauge("epp_tokens_cache_evictions_total") == 100)
        #expect(gauge("epp_tokens_renders_inflight") == 0)
      }
    }
  }

  @Test func anEngineThatDoesNotKnowTheModelIsNotAskedForItAgain() async throws {
    try await withServer { _, body in
      body.contains("adapter")
        ? AnswerServer.Answer(status: 404, body: "{}") : AnswerServer.Answer(body: #"{"token_ids": [1]}"#)
    } run: { old in
      try await withServer { _, _ in
        AnswerServer.Answer(body: #"{"token_ids": [2]}"#)
      } run: { new in
        try await withSource { source async throws in
          let adapter = chat.replacing(#""m""#, with: #""adapter""#)
          for number in 0..<3 {
            let body = adapter.replacing("fox", with: "fox \(number)")
            #expect(try await tokens(source, body, at: [old.address, new.address]) == [2])
          }
          #expect(old.asked == ["/v1/chat/completions/render", "/tokenize"])
          // What it serves it is asked for.
          #expect(try await tokens(source, chat, at: [old.address, new.address]) == [1])
          #expect(old.asked.count == 3)
          // When nobody has it, that is what is said, without asking.
          #expect(try await tokens(source, adapter.replacing("fox", with: "cat"), at: [old.address]) == nil)
          #expect(old.asked.count == 3 && count("no_engine") == 1)
        }
      }
    }
  }

  @Test(arguments: [408, 429, 500, 503]) func anEngineWithoutTimeLeavesItToTheNext(_ status: Int) async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(status: status, body: "{}")
    } run: { busy in
      try await withServer { _, _ in
        AnswerServer.Answer(body: #"{"token_ids": [7]}"#)
      } run: { idle in
        try await withSource { source async throws in
          #expect(try await tokens(source, chat, at: [busy.address, idle.address]) == [7])
        }
      }
    }
  }

  @Test func aRequestThatIsRefusedIsNotCarriedToTheNext() async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(status: 400, body: "{}")
    } run: { first in
      try await withServer { _, _ in
        AnswerServer.Answer(body: #"{"token_ids": [7]}"#)
      } run: { second in
        try await withSource { source async throws in
          #expect(try await tokens(source, chat, at: [first.address, second.address]) == nil)
          #expect(second.asked.isEmpty && count("refused") == 1)
        }
      }
    }
  }

  @Test func waitersAreBounded() async throws {
    try await withServer { _, _ in
      nil
    } run: { server in
      try await withSource {
        $0.maximumWaiters = 4
      } run: { source in
        var pending = 0
        for _ in 0..<10 {
          if case .pending = lookUp(source, chat, at: [server.address]) { pending += 1 }
        }
        #expect(pending == 4 && count("busy") == 6)
      }
    }
  }
}
