import EPPKVEvents
import Testing

/// A message of the first process of the engine, or of a later one.
func id(_ number: UInt64, process: UInt64 = 0) -> KVMessageID {
  KVMessageID(number: number, mark: process << 32 | number)
}

/// A stream that has applied numbers 0 to 9 live.
func followed(hasReplay: Bool = true) -> KVStreamStateMachine {
  var machine = KVStreamStateMachine(hasReplay: hasReplay)
  _ = machine.handle(.connected)
  _ = machine.handle(.replayEnded(.complete))
  for number: UInt64 in 0..<10 { #expect(machine.handle(.message(id(number), canWait: true)) == [.apply]) }
  return machine
}
