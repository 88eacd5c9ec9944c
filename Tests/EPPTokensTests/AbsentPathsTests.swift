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
    #expect(absent.present(all, at: engine, model: "m", now: start) == [.tokenize])
    #expect(absent.present(all, at: engine, model: "n", now: start) == all)
    #expect(absent.present(all, at: other, model: "m", now: start) == all)
    #expect(absent.present(all, at: engine, model: "m", now: start.advanced(by: AbsentPaths.pause)) == all)
  }

  @Test func namesThatAnybodySendsDoNotFillIt() {
    var absent = AbsentPaths()
    let start = MonotonicTime(nanoseconds: 1)
    for number in 0..<100_000 { absent.insert(.tokenize, at: engine, model: "\(number)", now: start) }
    #expect(absent.count <= 4096)
    #expect(absent.present(all, at: engine, model: "99999", now: start) == [.chatRender])
  }
}
