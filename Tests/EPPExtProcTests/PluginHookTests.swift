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

  func score(_ context: borrowing SchedulingContext, into scores: inout [Double]) {
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
}
