import EPPCore
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

  /// A task that is cancelled before it waits has nobody left to wake it.
  @Test(.timeLimit(.minutes(1))) func aTaskThatIsCancelledAlreadyDoesNotWait() async {
    let event = OneShotEvent()
    let (cancelled, _) = AsyncStream<Void>.makeStream()
    let task = Task {
      // Ends with the task's cancellation.
      for await _ in cancelled {}
      return await event.wait()
    }
    task.cancel()
    #expect(await !task.value)
    event.signal()
  }

  @Test(.timeLimit(.minutes(1))) func aTaskThatIsCancelledWhileItWaitsDoesNotWaitOn() async {
    let event = OneShotEvent()
    let others = Task { await event.wait() }
    let task = Task { await event.wait() }
    await Task.yield()
    task.cancel()
    #expect(await !task.value)
    event.signal()
    #expect(await others.value)
  }

  /// Each is cancelled before it waits, or in the middle of it.
  @Test(.timeLimit(.minutes(5))) func aWaitThatIsCancelledAtAnyMomentEnds() async {
    let event = OneShotEvent()
    for _ in 0..<200 {
      await withTaskGroup(of: Bool.self) { group in
        group.addTask { await event.wait() }
        group.cancelAll()
        for await hasHappened in group { #expect(!hasHappened) }
      }
    }
  }
}
