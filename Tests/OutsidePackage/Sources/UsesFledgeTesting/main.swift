import FledgeTesting

let project = try TinyProject()
let model = try TinyModel.make()
precondition(model.parameters.count == 21)
print("FledgeTesting: \(project.path), \(model.parameters.count) parameters")
