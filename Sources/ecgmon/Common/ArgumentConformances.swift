public import ArgumentParser
public import ECGATKGAN
public import ECGEvaluation
public import ECGReplay
public import ToolSupport

extension ClockTime: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension RhythmScript: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension DataSplit: ExpressibleByArgument {}

extension WindowAttack.Method: ExpressibleByArgument {}
