import Testing

/// A text with the tokens that `scripts/generate/tokenizer --encode` prints for it.
struct RecordedTokens: Sendable, CustomTestStringConvertible {
  var text: String
  var tokens: [UInt32]

  var testDescription: String { text.debugDescription }

  static let all: [RecordedTokens] = [
    RecordedTokens(text: "Hello, you.", tokens: [4057, 44, 399, 46]),
    RecordedTokens(
      text: "It's 2024, and they'll say WE'RE late: don't!",
      tokens: [
        2234, 373, 32, 50, 48, 50, 52, 44, 283, 535, 3970, 863, 473, 69, 39, 82, 69, 3392, 58, 295, 282, 1653, 33,
      ]),
    RecordedTokens(
      text: "  two  spaces,\ttabs\t\tand lines \n\n  end. \n",
      tokens: [32, 622, 32, 913, 1134, 44, 9, 116, 1966, 115, 9, 9, 506, 1367, 32, 674, 32, 366, 46, 32, 10]),
    RecordedTokens(text: "a\r\nb \r\n\r\n c", tokens: [97, 13, 10, 98, 32, 13, 10, 13, 10, 271]),
    RecordedTokens(
      text: "(x) -> {y: [1, 2.5e10]}; // !!\n\n\n\nnext",
      tokens: [
        40, 120, 41, 2876, 638, 121, 58, 1102, 49, 44, 32, 50, 46, 53, 101, 49, 48, 93, 125, 59, 32, 1213, 32, 33, 33,
        674, 674, 4151,
      ]),
    RecordedTokens(
      text: "Größe, naïve café — “quoted” … 20 °C",
      tokens: [
        71, 114, 2309, 195, 159, 101, 44, 273, 2242, 175, 354, 3172, 3906, 3908, 344, 297, 286, 2316, 157, 3909, 32, 50,
        48, 3778, 67,
      ]),
    RecordedTokens(text: "今天天气很好。こんにちは世界 안녕하세요", tokens: [2318, 4238, 1422, 718, 4268, 1586, 4269]),
    RecordedTokens(
      text: "नमस्ते دنيا 🙂👍🏽 ½ ²",
      tokens: [
        807, 168, 807, 174, 807, 184, 4290, 4289, 32, 216, 175, 217, 134, 217, 138, 1731, 3956, 1423, 145, 141, 1423,
        143, 189, 32, 4285, 32, 194, 178,
      ]),
    RecordedTokens(
      text: "x\u{A0}y\u{2003}z\u{2028}w\u{85}v",
      tokens: [120, 194, 160, 121, 2316, 131, 122, 2316, 168, 119, 194, 133, 118]),
    RecordedTokens(
      text: "'tis the dog's 'll 'Ve rock'n'roll '",
      tokens: [1653, 350, 259, 942, 373, 1996, 300, 1996, 86, 101, 3577, 39, 110, 39, 305, 300, 1996]),
    RecordedTokens(
      text: "supercalifragilisticexpialidocious antidisestablishmentarianism",
      tokens: [
        115, 117, 617, 1463, 2264, 666, 103, 360, 425, 596, 120, 112, 1976, 352, 111, 99, 105, 1025, 1027, 352, 350,
        320, 97, 1316, 1248, 1793, 294, 1465, 350, 109,
      ]),
    RecordedTokens(
      text: "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
      tokens: [151644, 4169, 10, 72, 105, 151645, 10, 151644, 1868, 1405, 10]),
    RecordedTokens(text: "   ", tokens: [598]),
    RecordedTokens(text: "\n", tokens: [10]),
    RecordedTokens(text: " ", tokens: [32]),
    RecordedTokens(text: "\u{1C}\u{0} \u{7}a", tokens: [28, 0, 32, 7, 97]),
  ]
}
