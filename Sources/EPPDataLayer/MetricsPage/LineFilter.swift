/// Tells by the first bytes of a line whether it may be a sample that is read.
protocol LineFilter {
  /// Returns whether a line that begins at an offset may be read; true when too few bytes are there to tell.
  func mayBeWanted(_ bytes: RawSpan, at start: Int) -> Bool
}

/// The filter of `EnginePageLayout.standard`, of constants: nearly every line of every page passes here.
struct StandardLines: LineFilter {
  @inline(__always)
  func mayBeWanted(_ bytes: RawSpan, at start: Int) -> Bool {
    guard start &+ 15 <= bytes.byteCount else { return true }
    let first = bytes.word(at: start)
    if first & 0xFF == 0x23 { return false }  // "#"
    if first & 0x0000_00FF_FFFF_FFFF == 0x0000_003A_6D6C_6C76 {  // "vllm:"
      switch bytes.word(at: start &+ 5) {
      case 0x7571_6572_5F6D_756E,  // "num_requ"
        0x6568_6361_635F_766B,  // "kv_cache"
        0x635F_7869_6665_7270,  // "prefix_c"
        0x6F63_5F65_6863_6163,  // "cache_co"
        0x7165_725F_6172_6F6C,  // "lora_req"
        0x6863_6163_5F75_7067,  // "gpu_cach"
        0x6665_7270_5F75_7067:  // "gpu_pref"
        return true
      default:
        return false
      }
    }
    if first & 0x00FF_FFFF_FFFF_FFFF == 0x003A_676E_616C_6773 { return true }  // "sglang:"
    if first & 0x00FF_FFFF_FFFF_FFFF == 0x005F_6D6C_6C74_7274 { return true }  // "trtllm_"
    if first & 0x0000_0000_00FF_FFFF == 0x0000_0000_005F_766E { return true }  // "nv_"
    if first & 0x0000_00FF_FFFF_FFFF == 0x0000_003A_6D6F_7461 { return true }  // "atom:"
    return first == 0x5F73_7365_636F_7270  // "process_"
  }
}

/// The filter of the names of any layout: compares up to eight bytes with each beginning.
struct NameBeginnings: LineFilter, Sendable {
  private struct Beginning: Hashable {
    var word: UInt64
    var mask: UInt64
  }

  private let beginnings: [Beginning]

  init(_ names: [String]) {
    var beginnings: [Beginning] = []
    for name in names {
      var beginning = Beginning(word: 0, mask: 0)
      for (index, byte) in name.utf8.prefix(8).enumerated() {
        beginning.word |= UInt64(byte) << UInt64(8 * index)
        beginning.mask |= 0xFF << UInt64(8 * index)
      }
      if !beginnings.contains(beginning) { beginnings.append(beginning) }
    }
    self.beginnings = beginnings
  }

  @inline(__always)
  func mayBeWanted(_ bytes: RawSpan, at start: Int) -> Bool {
    guard start &+ 8 <= bytes.byteCount else { return true }
    let first = bytes.word(at: start)
    if first & 0xFF == 0x23 { return false }  // "#"
    for beginning in beginnings where first & beginning.mask == beginning.word { return true }
    return false
  }
}
