import EPPCore
import EPPTestKit
import Synchronization
import Testing

@Suite struct OneShotEventTests {
  @Test func whoeverWaitsHearsOfIt() async {
    let event = OneShotEvent()
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 { group.addTask { await event.wait() } }
      event.signal()
      for await hasHappened in group { #expect(hasHappened) }
    }
    #expect(event.isSignalled)
  }

  @Test func whoeverComesLaterDoesNotWait() async {
    let event = OneShotEvent()
    event.signal()
    event.signal()
    #expect(await event.wait())
  }

  /// Returns the result of a wait that was cancelled, nil when it does not end by itself; the event is signalled then.
  private func result(of wait: Task<Bool, Never>, on event: OneShotEvent) async -> Bool? {
    let result = Mutex<Bool?>(nil)
    let observer = Task {
      let value = await wait.value
      result.withLock { $0 = value }
    }
    let hasEnded = await eventually(within: .seconds(20)) { result.withLock { $0 } != nil }
    event.signal()
    await observer.value
    return hasEnded ? result.withLock { $0 } : nil
  }

  /// A task that is cancelled before it waits has nobody left to wake it.
  @Test func aTaskThatIsCancelledAlreadyDoesNotWait() async {
    let event = OneShotEvent()
    let (cancelled, _) = AsyncStream<Void>.makeStream()
    let task = Task {
      // Ends with the task's cancellation.
      for await _ in cancelled {}
      return await event.wait()
    }
    task.cancel()
    #expect(await result(of: task, on: event) == false)
  }

  @Test func aTaskThatIsCancelledWhileItWaitsDoesNotWaitOn() async {
    let event = OneShotEvent()
    let others = Task { await event.wait() }
    let task = Task { await event.wait() }
    await Task.yield()
    task.cancel()
    #expect(await result(of: task, on: event) == false)
    #expect(await others.value)
  }

  /// Each is cancelled before it waits, or in the middle of it.
  @Test func aWaitThatIsCancelledAtAnyMomentEnds() async {
    for _ in 0..<200 {
      let event = OneShotEvent()
      let task = Task { await event.wait() }
      task.cancel()
      guard await result(of: task, on: event) == false else {
        Issue.record("a cancelled wait does not end")
        return
      }
    }
  }
}
