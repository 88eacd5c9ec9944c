import Glibc

/// Says what there is in place of the pages of Go's `net/http/pprof`.
enum ProfilingHelp {
  /// Returns the text for a path of such a page; nil for another path.
  static func text(for path: String) -> String? {
    let parts = path.split(separator: "/", maxSplits: 2)
    guard parts.count >= 2, parts[0] == "debug", parts[1] == "pprof" || parts[1] == "profile" else { return nil }
    let process = getpid()
    return """
      There are no profiles here: they belong to the runtime of Go. What there is instead, on the machine of this process:
        CPU      perf record -g -p \(process) -- sleep 30, then perf report
        threads  gdb -p \(process) -batch -ex 'thread apply all bt'
        heap     heaptrack epp FLAGS, which starts a process of its own. So does valgrind --tool=massif COPY FLAGS, then
                 ms_print, with a copy of epp without symbols (strip -o COPY epp), as valgrind cannot read them
        memory   --max-index-bytes and --max-buffered-bytes bound it; epp_prefix_index_bytes and epp_buffered_body_bytes,
                 on the metrics port, say how much is used, and /debug/plugins/state for which endpoints
        plugins  llm_d_epp_plugin_duration_seconds, on the metrics port, is the time of each scorer, filter and picker

      """
  }
}
