import EngineSimulator
import Testing

@Suite struct KVEventsConfigurationTests {
  @Test func vLLMsConfigurationIsRead() throws {
    let configuration = try #require(
      try KVEventsConfiguration.read(
        """
        {"enable_kv_cache_events": true, "publisher": "zmq", "endpoint": "tcp://*:5600", "replay_endpoint": "tcp://*:5700",
         "buffer_steps": 7, "hwm": 8, "max_queue_size": 9, "topic": "kv@10.0.0.1@tiny"}
        """))
    #expect(configuration.endpoint == KVEventEndpoint("tcp://*:5600"))
    #expect(configuration.replayEndpoint == KVEventEndpoint("tcp://*:5700"))
    #expect([configuration.bufferSteps, configuration.highWaterMark, configuration.maximumQueueSize] == [7, 8, 9])
    #expect(configuration.topic == "kv@10.0.0.1@tiny")
  }

  @Test func whatIsNotWrittenIsAsInVLLM() throws {
    let configuration = try #require(try KVEventsConfiguration.read(#"{"enable_kv_cache_events":true}"#))
    #expect(configuration == KVEventsConfiguration())
    #expect(configuration.endpoint.text == "tcp://*:5557")
    #expect(configuration.replayEndpoint == nil && configuration.topic.isEmpty)
    #expect([configuration.bufferSteps, configuration.highWaterMark] == [10_000, 100_000])
  }

  @Test(arguments: ["{}", #"{"enable_kv_cache_events":false}"#, #"{"enable_kv_cache_events":true,"publisher":"null"}"#])
  func eventsAreOffUnlessTheyAreAskedFor(text: String) throws {
    #expect(try KVEventsConfiguration.read(text) == nil)
  }

  @Test(arguments: [
    ("", "JSON"), ("[]", "object"), (#"{"enable_kv_cache_events":1}"#, "enable_kv_cache_events has to be"),
    (#"{"publisher":"nats"}"#, "nats"), (#"{"buffer_steps":0}"#, "buffer_steps"),
    (#"{"topics":"x"}"#, "topics is not known"),
  ])
  func whatIsWrongIsNamed(text: String, word: String) {
    #expect {
      try KVEventsConfiguration.read(text)
    } throws: {
      "\($0)".contains(word)
    }
  }

  @Test(arguments: [
    ("tcp://*:5557", true), ("tcp://[::ffff:127.0.0.1]:5557", true), ("tcp://127.0.0.1:*", true),
    ("tcp://127.0.0.1:0", true), ("ipc:///tmp/events", true), ("inproc://events", true),
    ("tcp://127.0.0.1:5557", false),
    ("tcp://collector:5557", false),
  ])
  func aPublisherListensOrConnectsAsVLLMs(text: String, isListening: Bool) {
    #expect(KVEventEndpoint(text).isListening == isListening)
  }

  @Test(arguments: [
    ("tcp://*:5557", "tcp://*:5559"), ("tcp://[::ffff:127.0.0.1]:5557", "tcp://[::ffff:127.0.0.1]:5559"),
    ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*"), ("tcp://127.0.0.1:0", "tcp://127.0.0.1:0"),
    ("inproc://events", "inproc://events_dp2"),
    // No port: opening it will say so.
    ("tcp://127.0.0.1:9223372036854775807", "tcp://127.0.0.1:9223372036854775807"),
  ])
  func enginesOfAProcessTakePortsOneAfterTheOther(text: String, moved: String) {
    #expect(KVEventEndpoint(text).moved(by: 2) == KVEventEndpoint(moved))
    #expect(KVEventEndpoint(text).moved(by: 0) == KVEventEndpoint(text))
  }
}
