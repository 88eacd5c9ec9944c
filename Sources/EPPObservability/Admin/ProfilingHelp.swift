import Glibc

/// Says what there is in place of the pages of Go's `net/http/pprof`.
enum ProfilingHelp {
  /// Returns the text for a path of such a page; nil for another path.
  static func text(for path: String) -> String? {
    let parts = path.split(separator: "/", maxSplits: 2)
    guard parts.count >= 2, parts[0] == "debug", parts[1] == "pprof" || parts[1] == "profile" else { return nil }
    let process = getpid()
    return """
      There are no profiles here: they belong to the runtime of Go. On the machine of this process (\(process)) there is instead:
        CPU        perf record -g -p \(process) -- sleep 30, then perf report
        threads    gdb -p \(process) -batch -ex 'thread apply all bt'
        heap       heaptrack epp FLAGS, or valgrind --tool=massif epp FLAGS and ms_print: both start a process of their own
        memory     --max-index-bytes and --max-buffered-bytes bound it; epp_prefix_index_bytes and epp_buffered_body_bytes say how
                   much of it is used; /debug/plugins/state says by which endpoints
        plugins    llm_d_epp_plugin_duration_seconds, on the metrics port, is the time of each scorer, filter and picker

      """
  }
}
