import EPPCore
import EPPExtProc
import EPPScheduling
import EPPTestKit
import Synchronization
import Testing

/// A scorer that writes down what it is told of a request, and adds headers in both directions.
private final class RecordingPlugin: Scorer, RequestObserver {
  enum Event: Equatable {
    case picked(String)
    case started(status: Int?, served: Int)
    case firstToken
    case ended(RequestOutcome)
  }

  private let recorded = Mutex<[Event]>([])

  var events: [Event] { recorded.withLock { $0 } }
  var observer: (any RequestObserver)? { self }
  var plugin: ConfiguredPlugin {
    ConfiguredPlugin(PluginDescriptor("recording-scorer", "Writes down", parts: [.scorer { _, _ in self }]))
  }

  func note(_ event: Event) { recorded.withLock { $0.append(event) } }

  func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    for index in scores.indices { scores[index] = index == 0 ? 1 : 0 }
  }

  func picked(_ pick: borrowing PickedRequest, _ effects: inout PickEffects) {
    note(.picked(pick.endpoint.name))
    effects.requestHeaders.append(.init(name: "x-plugin", value: pick.request.model))
    effects.followers.append(Follower(self))
  }

  private final class Follower: RequestFollower {
    let plugin: RecordingPlugin

    init(_ plugin: RecordingPlugin) { self.plugin = plugin }

    func responseStarted(_ answer: inout AnswerStart) {
      plugin.note(.started(status: answer.status, served: answer.served?.index ?? -1))
      answer.headers.append(.init(name: "x-served-slot", value: "\(answer.served?.index ?? -1)"))
    }

    func firstToken(now: MonotonicTime) { plugin.note(.firstToken) }
    func ended(_ outcome: RequestOutcome, now: MonotonicTime) { plugin.note(.ended(outcome)) }
  }
}

@Suite struct PluginHookTests {
  private let recorder = RecordingPlugin()

  private func picker(_ processing: ResponseProcessing = .full) -> InProcessPicker {
    InProcessPicker {
      $0.profile = ProfileConfiguration(scorers: [.init(recorder.plugin, weight: 1)])
      $0.responseProcessing = processing
    }
  }

  private let body = ExtProcExchangeTests.json(100)

  @Test(arguments: [BodyMode.fullDuplexStreamed, .buffered]) func aWholeExchangeIsTold(mode: BodyMode) {
    let picker = picker()
    let gateway = InProcessGateway(picker, request: mode)
    gateway.send([body])
    #expect(gateway.request.setHeaders["x-plugin"] == "m")
    gateway.sendResponseHeaders()
    #expect(gateway.response.setHeaders == ["x-served-slot": "0"])
    #expect(gateway.response.removedHeaders.isEmpty)
    gateway.sendResponseChunk(Array("{}".utf8), endOfStream: true)
    #expect(
      recorder.events == [.picked("e0"), .started(status: 200, served: 0), .firstToken, .ended(.complete)])
    #expect(gateway.violations.isEmpty)
  }

  @Test func anErrorIsAFailure() {
    let picker = picker()
    let gateway = InProcessGateway(picker)
    gateway.send([body])
    gateway.sendResponseHeaders(status: 503)
    gateway.sendResponseChunk(Array("{}".utf8), endOfStream: true)
    #expect(recorder.events == [.picked("e0"), .started(status: 503, served: 0), .ended(.failed)])
  }

  @Test func aClientThatLeavesIsTold() {
    let picker = picker()
    var gateway: InProcessGateway? = InProcessGateway(picker)
    gateway?.send([body])
    gateway = nil
    #expect(recorder.events == [.picked("e0"), .ended(.aborted)])
  }

  @Test func anotherEndpointThanThePickedOneIsNamed() {
    let picker = picker()
    let gateway = InProcessGateway(picker)
    gateway.send([body])
    gateway.sendResponseHeaders(served: "10.0.0.2:8000")
    #expect(recorder.events == [.picked("e0"), .started(status: 200, served: 2)])
  }

  @Test func anEndpointOutsideOfThePoolEndsTheFollowing() {
    let picker = picker()
    let gateway = InProcessGateway(picker)
    gateway.send([body])
    gateway.sendResponseHeaders(served: "192.0.2.1:8000")
    gateway.sendResponseChunk(Array("{}".utf8), endOfStream: true)
    #expect(recorder.events == [.picked("e0"), .started(status: 200, served: -1), .ended(.elsewhere)])
    #expect(gateway.violations.isEmpty)
  }

  @Test func anAnswerThatIsNotSeenEndsTheFollowingAtOnce() {
    let picker = picker(.none)
    let gateway = InProcessGateway(picker)
    gateway.send([body])
    #expect(recorder.events == [.picked("e0"), .ended(.unseen)])
  }

  /// A profile with a plugin that reports an attribute.
  private func reporter(_ expression: String, condition: String? = nil) -> ConfiguredPlugin {
    var (key, attribute, arguments) = (PluginArguments(), PluginArguments(), PluginArguments())
    key.set("name", .text("x-cost"))
    attribute.set("key", .object(key))
    attribute.set("expression", .text(expression))
    if let condition { attribute.set("condition", .text(condition)) }
    arguments.set("attributes", .list([attribute]))
    return ConfiguredPlugin(AttributeReporter.descriptor, arguments: arguments)
  }

  @Test(
    arguments: [
      ("usage.prompt_tokens + 2 * usage.completion_tokens", nil, [26]), ("usage.prompt_tokens - 10", nil, []),
      ("usage.prompt_tokens", "usage.completion_tokens > 8", []), ("usage.prompt_tokens", "true", [10]),
    ] as [(String, String?, [Double])])
  func anAttributeOfTheAnswerIsReported(expression: String, condition: String?, values: [Double]) {
    let picker = InProcessPicker { $0.observers = [reporter(expression, condition: condition)] }
    let gateway = InProcessGateway(picker)
    gateway.send([body])
    gateway.sendResponseHeaders()
    let answer = #"{"usage": {"prompt_tokens": 10, "completion_tokens": 8}}"#
    gateway.sendResponseChunk(Array(answer.utf8), endOfStream: true)
    #expect(
      gateway.attributes == values.map { ReportedAttribute(namespace: "envoy.lb", name: "x-cost", value: $0) })
    #expect(gateway.violations.isEmpty)
  }
}
