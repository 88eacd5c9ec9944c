import ArgumentParser
@main struct EngineSim: AsyncParsableCommand { func run() async throws {} }
