import EPPCore
import Testing

@Suite struct LabelSelectorTests {
  @Test(
    "Terms and what they select",
    arguments: [
      ("app=vllm", true), ("app==vllm", true), ("app=other", false), ("app!=vllm", false), ("app!=other", true),
      ("none!=x", true), ("role in (prefill, decode)", true), ("role in (prefill)", false), ("none in (x)", false),
      ("role notin (prefill)", true), ("role notin (decode,x)", false), ("none notin (x)", true), ("app", true),
      ("none", false), ("!none", true), ("! app", false), ("app=vllm,role=decode", true), ("app=vllm,role=x", false),
      ("example.com/zone in (a),app", true), (" app = vllm , !none ", true), ("empty=", true), ("app=", false),
      ("in", false), ("in in (in)", false),
    ])
  func terms(text: String, selects: Bool) throws {
    let labels = ["app": "vllm", "role": "decode", "example.com/zone": "a", "empty": ""]
    let selector = try LabelSelector(text)
    #expect(selector.matches(labels) == selects)
    // The description, which is sent to the API, is an equal selector.
    #expect(try LabelSelector(selector.description) == selector)
  }

  @Test(
    "Texts that are no selectors",
    arguments: [
      "", ",", "app=vllm,", "=x", "app in", "app in (", "app in (a", "app in a", "a/b/c=d", "/b=d", "app=a b", "app=é",
      "app=-x", "app>1", "app=a=b", "!", "-a", "É/x=y", "A.b/x=y", "a..b/x", "a-/x",
    ])
  func bad(text: String) {
    #expect(throws: LabelSelector.Problem.self) { try LabelSelector(text) }
  }

  @Test("Labels of a pool become one selector, whatever their order")
  func matching() {
    #expect(LabelSelector(matching: ["b": "2", "a": "1"]).description == "a=1,b=2")
  }
}
