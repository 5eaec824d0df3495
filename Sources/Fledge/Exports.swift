@_exported public import FledgeAdapters
@_exported public import FledgeCore
@_exported public import FledgeData
@_exported public import FledgeModel
@_exported public import FledgeTensor
@_exported public import FledgeTokenize
@_exported public import FledgeTrain
