import EPPCore
import Testing

@testable import EPPTokens

@Suite struct AbsentPathsTests {
  private let engine = EndpointAddress(host: "10.0.0.1", port: 8000)
  private let other = EndpointAddress(host: "10.0.0.2", port: 8000)
  private let all = [RenderPath.chatRender, .tokenize]

  @Test func aPathIsAbsentForAWhileThereAndForThatModel() {
    var absent = AbsentPaths()
    let start = MonotonicTime(nanoseconds: 1)
    absent.insert(.chatRender, at: engine, model: "m", now: start)
    func present(_ engine: EndpointAddress, _ model: String, after time: Duration = .zero) -> [RenderPath] {
      absent.present(all, at: engine, model: model, now: start.advanced(by: time))
    }
    #expect(present(engine, "m") == [.tokenize])
    #expect(present(engine, "n") == all)
    #expect(present(other, "m") == all)
    #expect(present(engine, "m", after: AbsentPaths.pause) == all)
  }

  @Test func whatIsOverIsForgotten() {
    var absent = AbsentPaths()
    let start = MonotonicTime(nanoseconds: 1)
    func isEmpty(after time: Duration) -> Bool { absent.isEmpty(now: start.advanced(by: time)) }
    #expect(isEmpty(after: .zero))
    absent.insert(.chatRender, at: engine, model: "m", now: start)
    absent.insert(.chatRender, at: other, model: "m", now: start.advanced(by: .seconds(1)))
    #expect(!isEmpty(after: AbsentPaths.pause))
    #expect(isEmpty(after: AbsentPaths.pause + .seconds(1)) && absent.count == 0)
  }

  @Test func namesThatAnybodySendsDoNotFillIt() {
    var absent = AbsentPaths()
    let start = MonotonicTime(nanoseconds: 1)
    for number in 0..<100_000 { absent.insert(.tokenize, at: engine, model: "\(number)", now: start) }
    #expect(absent.count <= 4096)
    let present = absent.present(all, at: engine, model: "99999", now: start)
    #expect(present == [.chatRender])
  }
}
